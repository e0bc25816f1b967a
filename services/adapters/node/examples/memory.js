'use strict';
// Records of all datasets in memory, with all that an adapter can do about changes that
// come again or meet others: node examples/memory.js [HOST:PORT]. As plain as handlers for
// npm fh-sync are, with the environment variable PLAIN set.
const crypto = require('node:crypto');
const { isDeepStrictEqual } = require('node:util');
const sync = require('..');

const plain = Boolean(process.env.PLAIN);
const records = new Map(); // dataset -> uid -> data
const collisions = new Map(); // dataset -> id -> collision

const of = (all, dataset) => {
  if (!all.has(dataset)) all.set(dataset, new Map());
  return all.get(dataset);
};

// held is the record that a change is for; it must hold what Tandem saw.
function held(dataset, uid, metaData) {
  const data = of(records, dataset).get(uid);
  if (data === undefined) throw sync.notFound();
  const { expected } = sync.callInfo(metaData);
  if (!plain && expected && !isDeepStrictEqual(expected, data)) throw sync.conflict();
  return data;
}

// matches compares fields; what a device sends must never become a query language.
function matches(query, data) {
  return Object.entries(query).every(([field, wanted]) => {
    if (field.startsWith('$') || (wanted !== null && typeof wanted === 'object')) {
      throw sync.refuse(`query_params: ${field} is not compared with a plain value`);
    }
    return Object.hasOwn(data, field) && data[field] === wanted;
  });
}

sync.globalHandleList((dataset, query, metaData, cb) => {
  matches(query, {}); // refused also where there are no records
  cb(null, Object.fromEntries([...of(records, dataset)].filter(([, data]) => matches(query, data))));
});
sync.globalHandleCreate((dataset, data, metaData, cb) => {
  const uid = crypto.randomBytes(12).toString('hex');
  of(records, dataset).set(uid, data);
  cb(null, { uid, data });
});
sync.globalHandleRead((dataset, uid, metaData, cb) => cb(null, of(records, dataset).get(uid)));
sync.globalHandleUpdate(async (dataset, uid, data, metaData) => {
  held(dataset, uid, metaData);
  of(records, dataset).set(uid, data);
});
sync.globalHandleDelete(async (dataset, uid, metaData) => {
  held(dataset, uid, metaData);
  of(records, dataset).delete(uid);
});
sync.globalHandleCollision(async (dataset, hash, timestamp, uid, pre, post) => {
  of(collisions, dataset).set(crypto.randomUUID(), { uid, hash, pre, post, timestamp });
});
sync.globalListCollisions((dataset, metaData, cb) => cb(null, Object.fromEntries(of(collisions, dataset))));
sync.globalRemoveCollision((dataset, hash, metaData, cb) => {
  const found = [...of(collisions, dataset)].filter(([, c]) => c.hash === hash);
  found.forEach(([id]) => of(collisions, dataset).delete(id));
  cb(null, found.length);
});

sync.serve({
  name: 'memory',
  listen: process.argv[2] ?? '127.0.0.1:50052',
  // Its records end with the process, and so may the keys.
  compareAndWrite: !plain, remembersKeys: !plain,
}).catch((err) => {
  console.error(err.message);
  process.exit(1);
});
