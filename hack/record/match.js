'use strict';
// Whether an answer fits the pattern of an `until`: what the pattern names must be there, more may be.

/** Tokens of a pattern; the rest of the masks is compared with what they stand for. */
function fits(pattern, value, resolve) {
  if (pattern === '<any>') {
    return value !== undefined;
  }
  if (pattern === '<absent>') {
    return value === undefined;
  }
  if (pattern === '<empty>') {
    return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
  }
  if (typeof pattern === 'string') {
    const not = /^<not:(.+)>$/.exec(pattern);
    if (not) {
      return typeof value === 'string' && value !== resolve(`<${not[1]}>`);
    }
    return resolve(pattern) === value;
  }
  if (typeof pattern !== 'object' || pattern === null) {
    return pattern === value;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(pattern) !== Array.isArray(value)) {
    return false;
  }
  return Object.keys(pattern).every((key) => fits(pattern[key], value[resolve(key)], resolve));
}

module.exports = { fits };
