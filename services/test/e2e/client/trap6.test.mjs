// Trap 6: devices at rest in one view have the same global hash, also after
// collisions, and it stays the same for as long as nothing happens.
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { until } from './until.mjs';
import { world } from './world.mjs';

async function assertRest(...devices) {
  let hash;
  // A change is followed by a sync run or two that give a new hash each: rest is what
  // comes then, and must come.
  await until('rest: the same hash on all, and no records asked for', async () => {
    await devices[0].syncUntil('one hash on all', async () => {
      await Promise.all(devices.slice(1).map((d) => d.sync()));
      return devices.every((d) => d.hash() && d.hash() === devices[0].hash());
    });
    hash = devices[0].hash();
    const from = devices.map((d) => d.net.log.length);
    for (let round = 0; round < 3; round++) {
      for (const d of devices) assert.equal((await d.sync()).code, 'sync_complete');
    }
    return devices.every((d, i) => d.net.exchanges('syncRecords', from[i]).length === 0
      && d.net.exchanges('sync', from[i]).every(({ received }) => received.hash === hash));
  });
  return hash;
}

describe('trap 6: hash at rest', { concurrency: true }, () => {
  test('two devices at rest have the same hash, and another one after a change', async (t) => {
    const w = world(t);
    const [a, b] = [await w.device(), await w.device()];
    await a.create({ v: 1 });
    await w.settle([a, b]);
    const before = await assertRest(a, b);
    await b.create({ v: 2 });
    await w.settle([a, b]);
    assert.notEqual(await assertRest(a, b), before);
  });

  test('a collision changes the hash although the records stay', async (t) => {
    const w = world(t);
    const [a, b] = [await w.device(), await w.device()];
    const { uid } = await a.result(await a.create({ v: 0 }));
    await b.syncUntil('the record', async () => uid in (await b.list()));
    const before = await assertRest(a, b);
    const edit = { inFlight: true, action: 'update', uid, hash: 'ab'.repeat(20), pre: { v: 'old' }, post: { v: 'b' }, timestamp: 1 };
    await b.raw({ fn: 'sync', pending: [edit] });
    assert.equal((await b.serverHasResult(edit.hash)).type, 'collisions');
    await a.syncUntil('another hash', () => a.hash() !== before);
    assert.notEqual(await assertRest(a, b), before);
    assert.deepEqual(await w.settle([a, b]), { [uid]: { v: 0 } });
  });

  test('many collisions at once, round by round, while both devices keep asking', async (t) => {
    const w = world(t);
    const [a, b] = [await w.device(), await w.device()];
    const uids = [];
    for (const change of await Promise.all([1, 2, 3, 4].map((n) => a.create({ n })))) {
      uids.push((await a.result(change)).uid);
    }
    await b.syncUntil('the records', async () => Object.keys(await b.list()).length === uids.length);
    const hashes = new Set([await assertRest(a, b)]);
    for (let round = 1; round <= 3; round++) {
      const types = (await Promise.all([editAll(a, uids, { round, by: 'a' }), editAll(b, uids, { round, by: 'b' })])).flat();
      assert.equal(types.filter((type) => type === 'applied').length, uids.length);
      assert.equal(types.filter((type) => type === 'collisions').length, uids.length);
      // The new hash alone must lead the devices to the same records: nothing
      // else will change here that could tell them.
      await a.syncUntil('same records', async () => {
        await b.sync();
        return JSON.stringify(sortedEntries(await a.list())) === JSON.stringify(sortedEntries(await b.list()));
      });
      hashes.add(await assertRest(a, b));
      assert.equal(hashes.size, round + 1, 'a hash came back');
    }
    await w.settle([a, b]);
  });
});

// Edits all records and keeps asking until each edit has its result.
async function editAll(device, uids, data) {
  const changes = await Promise.all(uids.map((uid) => device.update(uid, data)));
  const types = [];
  for (const change of changes) types.push((await device.result(change)).type);
  return types;
}

function sortedEntries(list) {
  return Object.entries(list).map(([uid, r]) => [uid, r.hash]).sort();
}
