'use strict';
// What handlers call back with, in the words of the contract.
const { unusable } = require('./errors');

// uid is that of a created record: {uid} as a text, a number, or something with a
// text of its own such as an ObjectId.
function uid(what, result) {
  const found = result?.uid;
  const text = found === null || found === undefined ? '' : String(found);
  if (text === '' || text.startsWith('[object ') || !text.isWellFormed()) {
    throw unusable(`${what} must call back with {uid, data}, the uid a text that is not empty`);
  }
  return text;
}

// collisions is the object that devices get. An array becomes an object too.
const collisions = (found) => (Array.isArray(found) ? { ...found } : found ?? {});

// removed is how many collisions there were, as far as the handler tells: a number, or
// the result of a MongoDB driver, old or new. 0 when it does not tell.
function removed(result) {
  const n = [result, result?.removed, result?.deletedCount, result?.n, result?.result?.n].find(Number.isSafeInteger);
  return Math.max(n ?? 0, 0);
}

module.exports = { uid, collisions, removed };
