'use strict';
// The backend of the host app: the reference server's own MongoDB handlers, with faults that records ask for.
// The rules are in api/http/golden/README.md; the test adapter of the replay follows the same ones.

const defaults = require('fh-sync/lib/default-dataHandlers');

/** Installs the handlers for every dataset; onList is told of each list call. */
function install(sync, db, onList) {
  const plain = defaults();
  plain.setMongoDB(db);
  const used = new Map();

  /** Fails or waits as the fault asks, else goes on. */
  function play(fault, op, key, fail, go) {
    if (!fault || fault.op !== op) {
      return go();
    }
    const times = (used.get(key) || 0) + 1;
    used.set(key, times);
    setTimeout(() => {
      if (fault.error && (!fault.times || times <= fault.times)) {
        return fail(new Error(fault.error));
      }
      go();
    }, fault.delayMs || 0);
  }

  /** Plays the fault of the record that the backend holds under uid. */
  function playHeld(op, dataset, uid, meta, cb, go) {
    plain.doRead(dataset, uid, meta, (err, held) => {
      if (err) {
        return cb(err);
      }
      play(held && held.fault, op, [op, dataset, uid].join(), cb, go);
    });
  }

  /** Plays the fault of any record of the dataset that asks for one in this operation. */
  function playAny(op, dataset, cb, go) {
    db.collection(dataset).findOne({ 'fault.op': op }, (err, held) => {
      if (err) {
        return cb(err);
      }
      play(held && held.fault, op, [op, dataset].join(), cb, go);
    });
  }

  sync.globalHandleList((dataset, query, meta, cb) => {
    onList(dataset);
    playAny('list', dataset, cb, () => plain.doList(dataset, query, meta, cb));
  });
  sync.globalHandleCreate((dataset, data, meta, cb) => {
    play(data && data.fault, 'create', ['create', dataset, JSON.stringify(data)].join(), cb,
      () => plain.doCreate(dataset, data, meta, cb));
  });
  sync.globalHandleRead((dataset, uid, meta, cb) => {
    playHeld('read', dataset, uid, meta, cb, () => plain.doRead(dataset, uid, meta, cb));
  });
  sync.globalHandleUpdate((dataset, uid, data, meta, cb) => {
    play(data && data.fault, 'update', ['update', dataset, uid].join(), cb,
      () => plain.doUpdate(dataset, uid, data, meta, cb));
  });
  sync.globalHandleDelete((dataset, uid, meta, cb) => {
    playHeld('delete', dataset, uid, meta, cb, () => plain.doDelete(dataset, uid, meta, cb));
  });
  sync.globalListCollisions((dataset, meta, cb) => {
    playAny('listCollisions', dataset, cb, () => plain.listCollisions(dataset, meta, cb));
  });
}

module.exports = { install };
