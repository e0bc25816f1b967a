'use strict';
// What a call carries beyond the handler's arguments, found by the meta_data that the
// handler got (of an interceptor: its params). It is kept beside the object, so that
// old handlers, which may store or compare their meta_data, see what they always saw.
const { optionalObject } = require('./json');

class CallInfos {
  constructor() {
    this.infos = new WeakMap();
  }

  // attach notes info for an object and returns the object.
  attach(object, info) {
    this.infos.set(object, Object.freeze(info));
    return object;
  }

  // of returns the info of an object: dataset, method, and where the call has them
  // idempotencyKey, expected, signal, headers, cuid. Undefined for any other object.
  of(object) {
    return object !== null && typeof object === 'object' ? this.infos.get(object) : undefined;
  }
}

// metaData reads a context's meta_data, {} when absent.
const metaData = (dataset, bytes) => optionalObject(dataset, 'meta_data', bytes, {});

module.exports = { CallInfos, metaData };
