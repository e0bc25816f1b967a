import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { assertRecords, sharedRecord, uidsOf, world } from './world.mjs';

describe('offline, restarts, pauses', { concurrency: true }, () => {
  test('work goes on offline and comes through on return', async (t) => {
    const w = world(t);
    const { a, b, uid } = await sharedRecord(w, { name: 'kept', v: 1 });
    const gone = await a.result(await a.create({ name: 'gone' }));
    const before = a.net.log.length;

    a.net.online = false;
    await a.update(uid, { name: 'kept', v: 2 });
    await a.update(uid, { name: 'kept', v: 3 });
    await a.delete(gone.uid);
    await a.create({ name: 'new' });
    const edited = await a.create({ name: 'draft' });
    await a.update(edited.uid, { name: 'final' });
    const dropped = await a.create({ name: 'never sent' });
    await a.delete(dropped.uid);
    const failed = await a.sync();
    assert.deepEqual([failed.code, failed.message], ['sync_failed', 'offline']);
    assert.equal(a.net.log.length, before, 'an offline device sent something');
    assert.ok(a.events.some((e) => e.code === 'offline_update'));

    await b.create({ name: 'meanwhile' });
    await b.sync();
    a.net.online = true;
    const settled = await w.settle([a, b]);
    assertRecords(settled, [{ name: 'kept', v: 3 }, { name: 'new' }, { name: 'final' }, { name: 'meanwhile' }]);
  });

  test('changes survive closing the app while offline', async (t) => {
    const w = world(t);
    const { a, b, uid } = await sharedRecord(w, { v: 1 });
    a.net.online = false;
    await a.update(uid, { v: 2 });
    await a.create({ v: 'new' });
    const again = await w.restart(a);
    assert.equal(again.cuid, a.cuid);
    assert.equal((await again.read(uid)).data.v, 2);
    assertRecords(await w.settle([again, b]), [{ v: 2 }, { v: 'new' }]);
  });

  test('the app dies while a request is out: the change is sent twice, applied once', async (t) => {
    const w = world(t);
    const a = await w.device();
    const change = await a.create({ name: 'once' });
    const held = a.net.hold();
    const loop = a.sync().catch(() => {}); // dies with the app
    await held.answered;
    const again = await w.restart(a);
    held.release();
    await again.sync();
    assert.ok(again.net.log[0].sent.pending.some((c) => c.hash === change.hash), 'not sent again');
    const settled = await w.settle([again]);
    await loop;
    assertRecords(settled, [{ name: 'once' }]);
  });

  test('after clearing the cache everything comes back', async (t) => {
    const w = world(t);
    const { a, b } = await sharedRecord(w, { n: 1 });
    await b.create({ n: 2 });
    await w.settle([a, b]);
    const held = Object.keys(await a.list()).length;
    await a.clearCache();
    assert.deepEqual(await a.list(), {});
    assert.equal(a.hash(), undefined);
    await a.syncUntil('the records', async () => Object.keys(await a.list()).length === held);
    assertRecords(await w.settle([a, b]), [{ n: 1 }, { n: 2 }]);
  });

  test('a change in flight when the cache is cleared is applied once', async (t) => {
    const w = world(t);
    const a = await w.device();
    const change = await a.create({ n: 1 });
    await a.sync();
    await a.clearCache();
    await a.serverHasResult(change.hash);
    assertRecords(await w.settle([a]), [{ n: 1 }]);
  });

  test('a stopped dataset refuses, keeps nothing, and goes on after its start', async (t) => {
    const w = world(t);
    const { a, b, uid } = await sharedRecord(w, { v: 1 });
    const other = world(t);
    const c = await other.device();

    await w.stop();
    await a.update(uid, { v: 2 });
    const failed = await a.syncUntil('the refusal', () => a.events.find((e) => e.code === 'sync_failed'));
    assert.match(failed.message, new RegExp(`sync stopped for dataset ${w.dataset}`));
    for (const fn of ['sync', 'syncRecords']) {
      const { status, body } = await b.raw({ fn, clientRecs: {} });
      assert.equal(status, 500);
      assert.match(body, /sync stopped/);
    }
    await c.create({ n: 1 });
    assertRecords(await other.settle([c]), [{ n: 1 }]);

    await w.start();
    assert.deepEqual(await w.settle([a, b]), { [uid]: { v: 2 } });
  });

  test('a client that stops syncing catches up when it starts again', async (t) => {
    const w = world(t);
    const config = { sync_active: true, sync_frequency: 0.05 };
    const [a, b] = [await w.device({ config }), await w.device()];
    await a.until('first sync', () => a.hash());
    await a.stopSync();
    await a.until('quiet', () => a.idle());
    const before = a.net.log.length;
    await a.create({ from: 'a' });
    await b.create({ from: 'b' });
    await b.syncUntil('real uid', async () => Object.keys(await b.pending()).length === 0);
    assert.equal(a.net.log.length, before, 'a stopped client sent something');
    await a.startSync();
    await a.until('the other record', async () => (await uidsOf(a, (d) => d.from === 'b')).length === 1);
    assertRecords(await w.settle([a, b]), [{ from: 'a' }, { from: 'b' }]);
  });
});
