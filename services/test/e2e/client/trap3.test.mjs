// Trap 3: a delete or update may come under the uid that the device made up for a
// record whose create was not yet confirmed. It means the real record.
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { assertRecords, rawCreate, world } from './world.mjs';
import { loseAnswer, sendings } from './steps.mjs';

// Create, then edit and delete while the create is in flight. The client holds
// the edit back, but lets the delete that takes its place go out at once.
async function deleteWhileCreateIsInFlight(device) {
  const held = device.net.hold();
  const created = await device.create({ v: 1 });
  const loop = device.sync();
  await held.answered;
  await device.update(created.uid, { v: 2 });
  const removal = await device.delete(created.uid);
  held.release();
  await loop;
  return { created, removal };
}

function rawChange(action, hash, uid, pre, post) {
  return { inFlight: true, action, hash, uid, pre, post, timestamp: Date.now() };
}

describe('trap 3: changes under a made-up uid', { concurrency: true }, () => {
  test('a delete under the made-up uid deletes the real record', async (t) => {
    const w = world(t);
    const [a, b] = [await w.device(), await w.device()];
    const { created, removal } = await deleteWhileCreateIsInFlight(a);
    assert.equal((await a.result(removal)).type, 'applied');
    assert.equal(sendings(a, removal.hash)[0].change.uid, created.hash, 'sent under the made-up uid');
    assert.deepEqual(await w.settle([a, b]), {});
    assert.deepEqual(await a.listCollisions(), {});
  });

  test('the same, sent again under the real uid after a lost answer', async (t) => {
    const w = world(t);
    const [a, b] = [await w.device(), await w.device()];
    const { created, removal } = await deleteWhileCreateIsInFlight(a);
    a.net.dropResponse();
    await a.sync();
    await a.serverHasResult(created.hash);
    assert.equal((await a.result(removal)).type, 'applied');
    assert.deepEqual(await w.settle([a, b]), {});
    assert.deepEqual(await a.listCollisions(), {});
  });

  test('a create whose answer is lost, edited and deleted before it is confirmed', async (t) => {
    const w = world(t);
    const [a, b] = [await w.device(), await w.device()];
    const created = await a.create({ v: 1 });
    a.net.dropResponse();
    await a.sync();
    await a.update(created.uid, { v: 2 });
    await a.delete(created.uid);
    assert.deepEqual(await w.settle([a, b]), {});
    assert.deepEqual(await a.listCollisions(), {});
  });

  test('create, update and delete under one made-up uid in one request', async (t) => {
    const w = world(t);
    const a = await w.device();
    const [kept, gone] = ['e'.repeat(40), 'f'.repeat(40)];
    const changes = [
      rawCreate(kept, { v: 1 }),
      rawCreate(gone, { v: 1 }),
      rawChange('update', '1'.repeat(40), kept, { v: 1 }, { v: 2 }),
      rawChange('delete', '2'.repeat(40), gone, { v: 1 }),
    ];
    await a.raw({ fn: 'sync', pending: changes });
    for (const { hash } of changes) assert.equal((await a.serverHasResult(hash)).type, 'applied');
    assertRecords(await w.settle([a]), [{ v: 2 }]);
    assert.deepEqual(await a.listCollisions(), {});
  });

  test('the mapping outlives the acknowledgement of the create', async (t) => {
    const w = world(t);
    const a = await w.device();
    const created = await a.create({ v: 1 });
    await a.result(created);
    await a.syncUntil('acknowledgement worked off', async () => {
      const { body } = await a.raw({ fn: 'sync' });
      return !(created.hash in body.updates.hashes);
    });
    const removal = rawChange('delete', '3'.repeat(40), created.hash, { v: 1 });
    await a.raw({ fn: 'sync', pending: [removal] });
    assert.equal((await a.serverHasResult(removal.hash)).type, 'applied');
    assert.deepEqual(await w.settle([a]), {});
  });

  test('a resend under the real uid is the change that came under the made-up one', async (t) => {
    const w = world(t);
    const [a, b] = [await w.device(), await w.device()];
    const made = '4'.repeat(40);
    const edit = rawChange('update', '5'.repeat(40), made, { v: 1 }, { v: 2 });
    await a.raw({ fn: 'sync', pending: [rawCreate(made, { v: 1 }), edit] });
    const { uid } = await a.serverHasResult(made);
    assert.equal((await a.serverHasResult(edit.hash)).type, 'applied');
    await b.syncUntil('the edit', async () => (await b.list())[uid]?.data.v === 2);
    assert.equal((await b.result(await b.update(uid, { v: 3 }))).type, 'applied');
    await a.raw({ fn: 'sync', pending: [{ ...edit, uid }] });
    // Before the devices settle: the client acknowledges every result that it sees.
    assert.equal((await a.serverHasResult(edit.hash)).type, 'applied');
    assert.deepEqual(await w.settle([a, b]), { [uid]: { v: 3 } });
    assert.deepEqual(await a.listCollisions(), {});
  });

  test('a made-up uid means nothing when another device uses it', async (t) => {
    const w = world(t);
    const [a, b] = [await w.device(), await w.device()];
    const created = await a.create({ v: 1 });
    await a.result(created);
    const removal = rawChange('delete', '6'.repeat(40), created.hash, { v: 1 });
    await b.raw({ fn: 'sync', pending: [removal] });
    await b.serverHasResult(removal.hash);
    assertRecords(await w.settle([a, b]), [{ v: 1 }]);
  });

  test('created and changed offline: one create with the last content', async (t) => {
    const w = world(t);
    const a = await w.device();
    a.net.online = false;
    const created = await a.create({ v: 1 });
    await a.update(created.uid, { v: 2 });
    await a.sync();
    a.net.online = true;
    await loseAnswer(a);
    assert.equal((await a.result(created)).type, 'applied');
    await a.update(created.uid, { v: 3 });
    assertRecords(await w.settle([a]), [{ v: 3 }]);
  });
});
