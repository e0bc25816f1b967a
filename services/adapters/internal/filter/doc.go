// Package filter decides which records a device's query_params select.
//
// query_params look like the filter of a MongoDB find and mean what they would
// mean there, but they come from outside and are no program: equality and the
// operators listed in Operators, everything else is refused by name. What is
// read here is never handed on to a database.
//
// The rules, where they are worth saying:
//   - `{"a.b": 1}` looks into objects, and into each element of arrays on the way;
//     a numeric part also picks an element.
//   - A value matches if it equals, or if it is an array with an element that
//     does. null matches what is null or missing.
//   - Numbers compare as IEEE doubles, text by its UTF-8 bytes, false before true;
//     $gt and the like never match across types, and take no arrays or objects.
//   - Unlike in MongoDB the order of keys does not count when objects are compared.
//   - `_id` is the record's uid. It takes equality, $eq and $in with texts only.
//
// The package is pure: no I/O, no clock, no dataset names.
package filter
