'use strict';
// JSON as it comes over gRPC: bytes that must be one JSON object in UTF-8.
const { refuse, unusable } = require('./errors');

const maxRecordBytes = (64 << 20) / 2 - (1 << 20); // as the contract says
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);

function decode(dataset, field, bytes) {
  try {
    return JSON.parse(utf8.decode(bytes));
  } catch (err) {
    throw refuse(`dataset ${dataset}: ${field} is not JSON: ${err.message}`);
  }
}

// object reads a JSON object that came with a request. Each call makes a new one, so
// that handlers may change what they get.
function object(dataset, field, bytes) {
  if (bytes.length > maxRecordBytes) throw refuse(`dataset ${dataset}: ${field} is larger than ${maxRecordBytes} bytes`);
  const value = decode(dataset, field, bytes);
  if (!isObject(value)) throw refuse(`dataset ${dataset}: ${field} must be a JSON object`);
  return value;
}

const present = (bytes) => bytes !== null && bytes !== undefined && bytes.length > 0;
const optionalObject = (dataset, field, bytes, absent) => (present(bytes) ? object(dataset, field, bytes) : absent);
// Of a collision: any JSON, undefined when absent.
const optional = (dataset, field, bytes) => (present(bytes) ? decode(dataset, field, bytes) : undefined);

// encode makes the bytes of what a handler gave back; what names it in errors.
function encode(what, value) {
  if (!isObject(value)) throw unusable(`${what} is not an object`);
  const json = JSON.stringify(value); // calls toJSON, of dates for instance
  if (json === undefined || json[0] !== '{') throw unusable(`${what} is not an object in JSON`);
  const bytes = Buffer.from(json);
  if (bytes.length > maxRecordBytes) throw unusable(`${what} is larger than ${maxRecordBytes} bytes`);
  return bytes;
}

module.exports = { object, optionalObject, optional, encode, isObject };
