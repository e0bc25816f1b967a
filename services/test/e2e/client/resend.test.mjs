import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { assertRecords, sharedRecord, world } from './world.mjs';
import { loseAnswer, loseRequest, sendings } from './steps.mjs';

// One change of each kind; how to make it, and what the view holds after it.
const kinds = {
  create: { make: (d) => d.create({ v: 'new' }), after: [{ v: 0 }, { v: 'new' }] },
  update: { make: (d, uid) => d.update(uid, { v: 1 }), after: [{ v: 1 }] },
  delete: { make: (d, uid) => d.delete(uid), after: [] },
};

describe('lost and doubled messages', { concurrency: true }, () => {
  for (const [kind, { make, after }] of Object.entries(kinds)) {
    test(`${kind}: answer lost, result comes with the next one, nothing is sent again`, async (t) => {
      const w = world(t);
      const { a, b, uid } = await sharedRecord(w, { v: 0 });
      const change = await make(a, uid);
      a.net.dropResponse();
      assert.equal((await a.sync()).code, 'sync_failed');
      await a.serverHasResult(change.hash);
      assert.equal((await a.result(change)).type, 'applied');
      assert.equal(sendings(a, change.hash).length, 1);
      assertRecords(await w.settle([a, b]), after);
    });

    test(`${kind}: request lost, sent again`, async (t) => {
      const w = world(t);
      const { a, b, uid } = await sharedRecord(w, { v: 0 });
      const change = await make(a, uid);
      await loseRequest(a);
      assert.equal((await a.result(change)).type, 'applied');
      assert.equal(sendings(a, change.hash).length, 2);
      assertRecords(await w.settle([a, b]), after);
    });

    test(`${kind}: answer lost, sent again, applied once`, async (t) => {
      const w = world(t);
      const { a, b, uid } = await sharedRecord(w, { v: 0 });
      const change = await make(a, uid);
      await loseAnswer(a);
      await a.serverHasResult(change.hash);
      a.net.withholdResults();
      await a.sync();
      assert.equal(sendings(a, change.hash).length, 2);
      assert.equal((await a.result(change)).type, 'applied');
      assertRecords(await w.settle([a, b]), after);
      assert.deepEqual(await a.listCollisions(), {});
    });

    test(`${kind}: a request that arrives twice is applied once`, async (t) => {
      const w = world(t);
      const { a, b, uid } = await sharedRecord(w, { v: 0 });
      const change = await make(a, uid);
      a.net.duplicate();
      assert.equal((await a.result(change)).type, 'applied');
      assertRecords(await w.settle([a, b]), after);
      assert.deepEqual(await a.listCollisions(), {});
    });
  }

  test('a late resend does not undo what happened since', async (t) => {
    const w = world(t);
    const { a, b, uid } = await sharedRecord(w, { v: 0 });
    const change = await a.update(uid, { v: 1 });
    await loseAnswer(a);
    await a.serverHasResult(change.hash);
    await b.syncUntil('the first edit', async () => (await b.read(uid)).data.v === 1);
    // Back to what the change is based on: its hash of pre fits again.
    assert.equal((await b.result(await b.update(uid, { v: 0 }))).type, 'applied');
    assert.equal((await a.result(change)).type, 'applied');
    assert.equal(sendings(a, change.hash).length, 2);
    assert.deepEqual(await w.settle([a, b]), { [uid]: { v: 0 } });
    assert.deepEqual(await a.listCollisions(), {});
  });

  test('a client that resends with every request until it has the result', async (t) => {
    const w = world(t);
    const a = await w.device({ config: { resend_inflight_pendings_minutes: 1e-9 } });
    const change = await a.create({ v: 1 });
    for (let i = 0; i < 4; i++) {
      a.net.withholdResults();
      await a.sync();
    }
    assert.ok(sendings(a, change.hash).length >= 4);
    assert.equal((await a.result(change)).type, 'applied');
    assertRecords(await w.settle([a]), [{ v: 1 }]);
  });

  test('two devices whose changes have the same hash are two changes', async (t) => {
    const w = world(t);
    const [a, b] = [await w.device(), await w.device()];
    const now = Date.now();
    a.clock = b.clock = () => now;
    const [mine, yours] = [await a.create({ v: 1 }), await b.create({ v: 1 })];
    assert.equal(mine.hash, yours.hash);
    const [first, second] = await Promise.all([a.result(mine), b.result(yours)]);
    assert.deepEqual([first.cuid, second.cuid], [a.cuid, b.cuid]);
    assert.notEqual(first.uid, second.uid);
    assertRecords(await w.settle([a, b]), [{ v: 1 }, { v: 1 }]);
  });

  test('lost syncRecords answers only delay', async (t) => {
    const w = world(t);
    const { a, b } = await sharedRecord(w, { v: 0 });
    await a.result(await a.create({ v: 1 }));
    b.net.dropResponse('syncRecords');
    const failed = await b.syncUntil('the failure', () => b.events.find((e) => e.code === 'sync_failed'));
    assert.ok(failed);
    assertRecords(await w.settle([a, b]), [{ v: 0 }, { v: 1 }]);
  });
});
