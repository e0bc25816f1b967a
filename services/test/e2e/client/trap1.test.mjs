// Trap 1: a resend is not always the same change. After a lost answer the client
// may merge a newer edit into the old pending change and send it under the old hash.
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { assertRecords, rawCreate, sharedRecord, world } from './world.mjs';
import { loseAnswer, sendings } from './steps.mjs';

// The server applies the first version, the client does not hear of it, and the
// user edits again before the client sends.
async function editAfterLostAnswer(device, change, newer) {
  await loseAnswer(device);
  await device.serverHasResult(change.hash);
  const merged = await device.update(change.uid, newer);
  assert.equal(merged.hash, change.hash, 'the client did not merge');
}

function assertVersionsSent(device, hash, posts) {
  assert.deepEqual(sendings(device, hash).map((e) => e.change.post), posts);
}

describe('trap 1: same hash, other content', { concurrency: true }, () => {
  test('a create sent again with newer content becomes one record with that content', async (t) => {
    const w = world(t);
    const [a, b] = [await w.device(), await w.device()];
    const change = await a.create({ v: 1 });
    await editAfterLostAnswer(a, change, { v: 2 });
    assert.equal((await a.result(change)).type, 'applied');
    assertVersionsSent(a, change.hash, [{ v: 1 }, { v: 2 }]);
    await b.syncUntil('newer content', async () => Object.values(await b.list()).some((r) => r.data.v === 2));
    assertRecords(await w.settle([a, b]), [{ v: 2 }]);
    assert.deepEqual(await a.listCollisions(), {});
  });

  test('an update sent again with newer content is no collision', async (t) => {
    const w = world(t);
    const { a, b, uid } = await sharedRecord(w, { v: 0 });
    const change = await a.update(uid, { v: 1 });
    await editAfterLostAnswer(a, change, { v: 2 });
    assert.equal((await a.result(change)).type, 'applied');
    assertVersionsSent(a, change.hash, [{ v: 1 }, { v: 2 }]);
    await b.syncUntil('newer content', async () => (await b.read(uid)).data.v === 2);
    assert.deepEqual(await w.settle([a, b]), { [uid]: { v: 2 } });
    assert.deepEqual(await a.listCollisions(), {});
  });

  test('a third version follows the second', async (t) => {
    const w = world(t);
    const [a, b] = [await w.device(), await w.device()];
    const change = await a.create({ v: 1 });
    await editAfterLostAnswer(a, change, { v: 2 });
    await loseAnswer(a);
    await b.syncUntil('second version', async () => Object.values(await b.list()).some((r) => r.data.v === 2));
    await a.update(change.uid, { v: 3 });
    assert.equal((await a.result(change)).type, 'applied');
    assertVersionsSent(a, change.hash, [{ v: 1 }, { v: 2 }, { v: 3 }]);
    await b.syncUntil('third version', async () => Object.values(await b.list()).some((r) => r.data.v === 3));
    assertRecords(await w.settle([a, b]), [{ v: 3 }]);
    assert.deepEqual(await a.listCollisions(), {});
  });

  test('a newer version that goes back to the original content takes the edit back', async (t) => {
    const w = world(t);
    const { a, b, uid } = await sharedRecord(w, { v: 0 });
    const change = await a.update(uid, { v: 1 });
    await editAfterLostAnswer(a, change, { v: 0 });
    await b.syncUntil('first version', async () => (await b.read(uid)).data.v === 1);
    assert.equal((await a.result(change)).type, 'applied');
    await b.syncUntil('original content', async () => (await b.read(uid)).data.v === 0);
    assert.deepEqual(await w.settle([a, b]), { [uid]: { v: 0 } });
    assert.deepEqual(await a.listCollisions(), {});
  });

  test('a newer version collides when another device has written in between', async (t) => {
    const w = world(t);
    const { a, b, uid } = await sharedRecord(w, { v: 0 });
    const change = await a.update(uid, { v: 1 });
    await editAfterLostAnswer(a, change, { v: 2 });
    await b.syncUntil('first version', async () => (await b.read(uid)).data.v === 1);
    assert.equal((await b.result(await b.update(uid, { v: 'b' }))).type, 'applied');
    await a.sync();
    await a.until('the collision', async () => Object.keys(await b.listCollisions()).length === 1);
    assert.deepEqual(await w.settle([a, b]), { [uid]: { v: 'b' } });
  });

  test('an old version delivered again after a newer one changes nothing', async (t) => {
    const w = world(t);
    const a = await w.device();
    const hash = 'a'.repeat(40);
    const [first, second] = [rawCreate(hash, { v: 1 }), rawCreate(hash, { v: 2 })];
    for (const change of [first, second, first, second, first]) {
      assert.equal((await a.raw({ fn: 'sync', pending: [change] })).status, 200);
    }
    assert.equal((await a.serverHasResult(hash)).type, 'applied');
    await a.syncUntil('second version', async () => Object.values(await a.list()).some((r) => r.data.v === 2));
    assertRecords(await w.settle([a]), [{ v: 2 }]);
    assert.deepEqual(await a.listCollisions(), {});
  });
});
