'use strict';
// Remembers which changes were done, by their idempotency key, for handlers whose
// backend can't: a change that comes again is answered as the first time.
//
// This is beside the backend, not in one step with it: a process that dies after the
// backend's write and before the key is kept does a repeated change again. Only a
// backend that keeps the key itself (a unique column) has no such gap.
const crypto = require('node:crypto');

class Keys {
  // store has get(id) and put(id, result), which may return a promise.
  constructor(store, log) {
    this.store = store;
    this.log = log;
    this.flights = new Map();
  }

  // once runs the work unless it was done for this key; while it is under way, a
  // second caller gets the same outcome. Failed work does not use up the key.
  once(method, dataset, key, work) {
    const id = crypto.createHash('sha256').update(JSON.stringify([method, dataset, key])).digest('base64url');
    const known = this.store.get(id);
    if (known !== undefined) return Promise.resolve(known);
    const flight = this.flights.get(id);
    if (flight) return flight;
    const own = work().then(async (result = null) => {
      try {
        await this.store.put(id, result);
      } catch (err) {
        // The change is in effect, so saying that it failed would be wrong.
        this.log.error(`dataset ${dataset}: could not remember that ${method} was done; repeated, it would be done again: ${err.message}`);
      }
      return result;
    }).finally(() => this.forget(id, own));
    this.flights.set(id, own);
    // A handler that never calls back must not keep the key for good.
    own.abandon = () => this.forget(id, own);
    return own;
  }

  forget(id, flight) {
    if (this.flights.get(id) === flight) this.flights.delete(id);
  }
}

// MemoryStore keeps the newest limit keys until the process ends.
class MemoryStore {
  constructor(limit = 100_000) {
    this.limit = limit;
    this.results = new Map();
  }

  get(id) {
    return this.results.get(id);
  }

  put(id, result) {
    this.results.set(id, result);
    if (this.results.size > this.limit) this.results.delete(this.results.keys().next().value);
  }
}

module.exports = { Keys, MemoryStore };
