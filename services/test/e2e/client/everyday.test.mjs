import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { assertRecords, sharedRecord, world } from './world.mjs';

describe('everyday work', { concurrency: true }, () => {
  test('create, update and delete reach the other device', async (t) => {
    const w = world(t);
    const { a, b, uid } = await sharedRecord(w, { name: 'milk', count: 1 });

    const update = await a.result(await a.update(uid, { name: 'milk', count: 2 }));
    assert.equal(update.type, 'applied');
    await b.syncUntil('the update', async () => (await b.read(uid)).data.count === 2);

    const removal = await b.result(await b.delete(uid));
    assert.equal(removal.type, 'applied');
    await a.syncUntil('the delete', async () => !(uid in (await a.list())));

    assertRecords(await w.settle([a, b]), []);
  });

  test('a device is told what came: delta notifications name the records', async (t) => {
    const w = world(t);
    const { b, uid } = await sharedRecord(w, { name: 'milk' });
    const delta = b.events.find((e) => e.code === 'record_delta_received');
    assert.deepEqual([delta.uid, delta.message], [uid, 'create']);
  });

  test('two devices see each other\'s changes', async (t) => {
    const w = world(t);
    const [a, b] = [await w.device(), await w.device()];
    assert.notEqual(a.cuid, b.cuid);
    await Promise.all([
      ...[1, 2, 3].map((n) => a.create({ from: 'a', n })),
      ...[1, 2, 3].map((n) => b.create({ from: 'b', n })),
    ]);
    const settled = await w.settle([a, b]);
    assertRecords(settled, ['a', 'b'].flatMap((from) => [1, 2, 3].map((n) => ({ from, n }))));
  });

  test('the uid of a created record changes from made-up to real', async (t) => {
    const w = world(t);
    const a = await w.device();
    const change = await a.create({ name: 'bread' });
    assert.equal(change.uid, change.hash);
    const result = await a.result(change);
    assert.equal(result.code, 'remote_update_applied');
    assert.equal(result.type, 'applied');
    assert.equal(result.action, 'create');
    assert.equal(result.cuid, a.cuid);
    assert.equal(result.oldUid, change.uid);
    assert.notEqual(result.uid, change.uid);
    assert.equal(a.api.getUID(change.uid), result.uid);
    assert.deepEqual(Object.keys(await a.list()), [result.uid]);

    // An app that still holds the made-up uid goes on with it.
    await a.result(await a.update(change.uid, { name: 'white bread' }));
    const settled = await w.settle([a]);
    assert.deepEqual(settled, { [result.uid]: { name: 'white bread' } });
  });

  test('edits of a record whose create is still in flight wait and then apply in order', async (t) => {
    const w = world(t);
    const a = await w.device();
    const held = a.net.hold();
    await a.create({ step: 1 });
    const loop = a.sync();
    await held.answered;
    const uid = Object.keys(await a.list())[0];
    await a.update(uid, { step: 2 });
    await a.update(uid, { step: 3 });
    held.release();
    await loop;
    assertRecords(await w.settle([a]), [{ step: 3 }]);
  });

  test('a long line of edits of one record ends with the last one', async (t) => {
    const w = world(t);
    const { a, b, uid } = await sharedRecord(w, { step: 0 });
    for (let step = 1; step <= 8; step++) {
      await a.update(uid, { step });
      await a.sync();
    }
    assert.deepEqual(await w.settle([a, b]), { [uid]: { step: 8 } });
    assert.deepEqual(await a.listCollisions(), {});
  });

  test('a device does not see its fresh changes taken back', async (t) => {
    const w = world(t);
    const { a, uid } = await sharedRecord(w, { step: 0 });
    const created = await a.create({ step: 'new' });
    await a.update(uid, { step: 1 });
    const seen = new Set();
    const from = a.events.length;
    await a.syncUntil('all results', async () => {
      const list = await a.list();
      seen.add(list[uid].data.step);
      assert.ok(a.api.getUID(created.uid) in list, 'the created record vanished');
      return Object.keys(await a.pending()).length === 0;
    });
    await w.settle([a]);
    const back = a.events.slice(from).filter((e) => e.code === 'record_delta_received' && e.message !== 'create');
    assert.deepEqual([...seen], [1]);
    assert.deepEqual(back, []);
  });

  test('the client\'s own schedule is enough: nobody calls sync', async (t) => {
    const w = world(t);
    const config = { sync_active: true, sync_frequency: 0.05 };
    const [a, b] = [await w.device({ config }), await w.device({ config })];
    await a.create({ name: 'auto' });
    await b.until('the record', async () => Object.values(await b.list()).some((r) => r.data.name === 'auto'));
    assertRecords(await w.settle([a, b]), [{ name: 'auto' }]);
  });

  test('the path /mbaas/sync/ is the same dataset', async (t) => {
    const w = world(t);
    const [a, b] = [await w.device({ path: '/mbaas/sync/' }), await w.device()];
    await a.create({ name: 'cloud' });
    assertRecords(await w.settle([a, b]), [{ name: 'cloud' }]);
  });

  test('a device that is up to date asks for no records', async (t) => {
    const w = world(t);
    const { a, b } = await sharedRecord(w, { name: 'rest' });
    await w.settle([a, b]);
    await a.syncUntil('same hash', async () => { await b.sync(); return a.hash() === b.hash(); });
    const from = a.net.log.length;
    for (let i = 0; i < 5; i++) assert.equal((await a.sync()).code, 'sync_complete');
    assert.deepEqual(a.net.exchanges('syncRecords', from), []);
    assert.equal(a.net.exchanges('sync', from).length, 5);
  });

  test('the records of a view that nobody has synced are an error that names it', async (t) => {
    const w = world(t);
    const a = await w.device();
    const { status, body } = await a.raw({ fn: 'syncRecords', clientRecs: {} }, { town: 'nowhere' });
    assert.equal(status, 500);
    assert.match(body, new RegExp(w.dataset));
    assert.match(body, /nowhere/);
  });
});
