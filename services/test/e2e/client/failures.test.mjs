// The adapter of the dataset "failing" refuses to create or update a record whose
// new data has {"fail": msg}, and to delete one whose data has {"failDelete": msg};
// its message is msg. Each test keeps to a view of its own.
import { describe, test } from 'node:test';
import { randomUUID } from 'node:crypto';
import assert from 'node:assert/strict';
import { assertRecords, sharedRecord, world } from './world.mjs';

function failing(t) {
  const query = { case: randomUUID() };
  return { w: world(t, { dataset: 'failing', query }), of: (data) => ({ ...query, ...data }) };
}

describe('changes that the backend refuses', { concurrency: true }, () => {
  test('a refused create is reported with the reason and goes away', async (t) => {
    const { w, of } = failing(t);
    const a = await w.device();
    const result = await a.result(await a.create(of({ fail: 'not on Sundays' })));
    assert.equal(result.code, 'remote_update_failed');
    assert.equal(result.type, 'failed');
    assert.equal(result.action, 'create');
    assert.match(result.msg, /not on Sundays/);
    assert.deepEqual(await w.settle([a]), {});
  });

  test('a refused update is reported; the old content returns and can be changed', async (t) => {
    const { w, of } = failing(t);
    const { a, b, uid } = await sharedRecord(w, of({ v: 0 }));
    const result = await a.result(await a.update(uid, of({ v: 1, fail: 'too much' })));
    assert.equal(result.type, 'failed');
    assert.equal(result.uid, uid);
    assert.match(result.msg, /too much/);
    assert.deepEqual(await w.settle([a, b]), { [uid]: of({ v: 0 }) });
    assert.equal((await a.result(await a.update(uid, of({ v: 2 })))).type, 'applied');
    assert.deepEqual(await w.settle([a, b]), { [uid]: of({ v: 2 }) });
  });

  test('a refused delete is reported and the record returns', async (t) => {
    const { w, of } = failing(t);
    const { a, b, uid } = await sharedRecord(w, of({ failDelete: 'still needed' }));
    const result = await a.result(await a.delete(uid));
    assert.equal(result.type, 'failed');
    assert.match(result.msg, /still needed/);
    assert.deepEqual(await w.settle([a, b]), { [uid]: of({ failDelete: 'still needed' }) });
  });

  test('one refused change among good ones does not hold them up (trap 4)', async (t) => {
    const { w, of } = failing(t);
    const a = await w.device();
    const first = await a.create(of({ n: 1 }));
    const bad = await a.create(of({ n: 2, fail: 'no twos' }));
    const last = await a.create(of({ n: 3 }));
    await a.sync();
    assert.equal(a.net.exchanges('sync')[0].sent.pending.length, 3, 'all three in one request');
    assert.equal((await a.result(first)).type, 'applied');
    assert.match((await a.result(bad)).msg, /no twos/);
    assert.equal((await a.result(last)).type, 'applied');
    assertRecords(await w.settle([a]), [of({ n: 1 }), of({ n: 3 })]);
  });

  test('an edit of a record whose create is refused gets a result too (trap 3)', async (t) => {
    const { w, of } = failing(t);
    const a = await w.device();
    const held = a.net.hold();
    const bad = await a.create(of({ fail: 'no' }));
    const loop = a.sync();
    await held.answered;
    const edit = await a.update(bad.uid, of({ v: 1 }));
    held.release();
    await loop;
    assert.equal((await a.result(bad)).type, 'failed');
    assert.notEqual((await a.result(edit)).type, 'applied');
    assert.deepEqual(await w.settle([a]), {});
  });
});
