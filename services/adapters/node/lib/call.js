'use strict';
// Runs one handler: with a callback as its last argument, or returning a promise.
const { AsyncLocalStorage } = require('node:async_hooks');
const { status } = require('@grpc/grpc-js');
const { AdapterError } = require('./errors');

// The handler that code runs for, wherever its callbacks have led to.
const running = new AsyncLocalStorage();

// run resolves to what fn called back with, or returned a promise of; it rejects with
// its error, with what it threw, or with what the caller of fail says.
//
// A promise does not count where fn has a parameter for the callback: an async function
// that uses its callback returns a promise of nothing, perhaps before it calls back.
function run(what, fn, args) {
  const hasCallback = fn.length > args.length;
  return new Promise((resolve, reject) => {
    const fail = (err) => reject(err || new Error(`${what} failed without saying why`));
    const callback = (err, result) => (err ? fail(err) : resolve(result));
    running.run({ what, fail }, () => {
      const returned = fn(...args, callback);
      if (typeof returned?.then !== 'function') return;
      returned.then((result) => {
        if (!hasCallback && !(fn.length === 0 && result === undefined)) resolve(result);
      }, fail);
    });
  });
}

// within is promise, or DEADLINE_EXCEEDED after ms; late is called then. What the
// handler still does goes on.
function within(ms, what, promise, late) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      late();
      reject(new AdapterError(status.DEADLINE_EXCEEDED, `${what} has not called back within ${ms} ms`));
    }, ms);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

// failRunning fails the call whose handler threw where nobody catches, in a timer or
// a callback of a driver; it returns the handler's name, undefined when it is not known.
function failRunning(err) {
  const call = running.getStore();
  call?.fail(err);
  return call?.what;
}

module.exports = { run, within, failRunning };
