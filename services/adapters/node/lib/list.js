'use strict';
// Sends what handleList found, in messages below gRPC's usual limit of 4 MB.
const { once } = require('node:events');
const { encode } = require('./json');
const { unusable } = require('./errors');

const batchCount = 500;
const batchBytes = 2 << 20;

// sendList writes a list, {uid: data}, to the stream. It fails, so that Tandem forgets
// all of the list, when one record can't be sent: half a list would look as if the rest
// had been deleted. null is an empty list.
async function sendList(call, what, list) {
  if (list !== null && typeof list !== 'object') throw unusable(`${what} must call back with an object, uid to data`);
  const gone = new AbortController();
  call.once('cancelled', () => gone.abort());
  let batch = [];
  let bytes = 0;
  const flush = async () => {
    const full = !call.write({ records: batch });
    batch = [];
    bytes = 0;
    // Between messages others get their turn, and a reader that is slow holds us up.
    await (full ? once(call, 'drain', { signal: gone.signal }) : new Promise(setImmediate));
  };
  for (const [uid, record] of Object.entries(list ?? {})) {
    if (call.cancelled) return;
    if (uid === '' || !uid.isWellFormed()) throw unusable(`${what}: ${JSON.stringify(uid)} can't be a uid`);
    const data = encode(`${what}: record ${uid}`, record);
    const size = data.length + uid.length;
    if (batch.length > 0 && (batch.length >= batchCount || bytes + size > batchBytes)) await flush();
    batch.push({ uid, data });
    bytes += size;
  }
  if (batch.length > 0) await flush();
}

module.exports = { sendList };
