'use strict';
// What a handler's error means, as a gRPC status of the adapter contract.
//
// An error fails the change with its message, as in the reference server: it counts
// as a try, and pendingWorkerRetryLimit says how many there are. "Not now" is for a
// backend that can't be reached: the change waits, and nothing is reported.
const { inspect } = require('node:util');
const { status } = require('@grpc/grpc-js');

// Codes of Node.js, its HTTP client and DNS that say that nobody answered.
const unreachable = new Set([
  'ECONNREFUSED', 'ECONNRESET', 'ECONNABORTED', 'ETIMEDOUT', 'ESOCKETTIMEDOUT', 'EPIPE', 'ENOTFOUND',
  'EAI_AGAIN', 'EHOSTUNREACH', 'EHOSTDOWN', 'ENETUNREACH', 'ENETDOWN', 'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'UND_ERR_SOCKET',
]);
// Of the MongoDB driver, which has no such codes.
const unreachableNames = new Set([
  'MongoNetworkError', 'MongoNetworkTimeoutError', 'MongoServerSelectionError', 'MongoNotConnectedError',
]);

// An error with a gRPC code of its own.
class AdapterError extends Error {
  constructor(code, message, cause) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'AdapterError';
    this.grpcCode = code;
  }
}

const refuse = (message) => new AdapterError(status.INVALID_ARGUMENT, String(message));
const notFound = (message = 'record not found') => new AdapterError(status.NOT_FOUND, message);
const conflict = (message = 'record was changed by somebody else') => new AdapterError(status.ABORTED, message);
const notOffered = (message) => new AdapterError(status.UNIMPLEMENTED, message);
const retryLater = (err) => new AdapterError(status.UNAVAILABLE, err ? text(err) : 'backend not available', err);
// What the handler gave back can't be sent on.
const unusable = (message) => new AdapterError(status.INTERNAL, message);

function text(err) {
  if (typeof err === 'string') return err;
  if (err && typeof err.message === 'string' && err.message !== '') return err.message;
  return inspect(err, { depth: 3 });
}

// isNotNow tells whether an error, or what caused it, says that the backend is away.
function isNotNow(err) {
  for (let e = err, depth = 0; e && typeof e === 'object' && depth < 8; e = e.cause, depth++) {
    if (e.retryLater || unreachable.has(e.code) || unreachableNames.has(e.name)) return true;
  }
  return false;
}

// toStatus turns what a handler gave as its error into {code, details} for gRPC.
// custom is the option notNow of serve.
function toStatus(err, custom) {
  const details = clip(text(err));
  if (err instanceof AdapterError) return { code: err.grpcCode, details };
  if (isNotNow(err) || (custom && custom(err))) return { code: status.UNAVAILABLE, details };
  if (err && err.code === 'NOT_FOUND') return { code: status.NOT_FOUND, details };
  if (err && err.code === 'CONFLICT') return { code: status.ABORTED, details };
  return { code: status.UNKNOWN, details };
}

// clip bounds a text that travels in an HTTP/2 header.
const clip = (s) => (s.length > 2000 ? s.slice(0, 2000) + '...' : s).toWellFormed();

module.exports = { AdapterError, refuse, notFound, conflict, notOffered, retryLater, unusable, toStatus, text };
