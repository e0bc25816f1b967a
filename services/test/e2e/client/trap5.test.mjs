// Query params make views of a dataset. Trap 5: a record that leaves one view while
// another holds it must not reach devices as data: null, hash: null.
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { assertRecords, world } from './world.mjs';

const inA = { list: 'a' };
const inB = { list: 'b' };

async function views(w) {
  return {
    a: await w.device({ query: inA }),
    b: await w.device({ query: inB }),
    all: await w.device({ query: {} }),
  };
}

function assertNoNullRecords(...devices) {
  for (const d of devices) {
    for (const { received } of d.net.exchanges('syncRecords')) {
      for (const [uid, record] of Object.entries({ ...received?.create, ...received?.update })) {
        assert.ok(record.data && record.hash && record.uid === uid, `sent ${uid} as ${JSON.stringify(record)}`);
      }
    }
  }
}

async function settleAll(w, { a, b, all }) {
  const settled = {
    a: await w.settle([a], { query: inA }),
    b: await w.settle([b], { query: inB }),
    all: await w.settle([all], { query: {} }),
  };
  assertNoNullRecords(a, b, all);
  return settled;
}

describe('views and trap 5', { concurrency: true }, () => {
  test('each view has its own records, and a view of everything has all', async (t) => {
    const w = world(t);
    const v = await views(w);
    await v.a.create({ list: 'a', n: 1 });
    await v.b.create({ list: 'b', n: 2 });
    await v.all.create({ list: 'c', n: 3 });
    const settled = await settleAll(w, v);
    assertRecords(settled.a, [{ list: 'a', n: 1 }]);
    assertRecords(settled.b, [{ list: 'b', n: 2 }]);
    assertRecords(settled.all, [{ list: 'a', n: 1 }, { list: 'b', n: 2 }, { list: 'c', n: 3 }]);
  });

  test('a record moves from one view to the other and back', async (t) => {
    const w = world(t);
    const v = await views(w);
    const { uid } = await v.a.result(await v.a.create({ list: 'a', n: 1 }));
    await v.all.syncUntil('the record', async () => uid in (await v.all.list()));

    await v.all.result(await v.all.update(uid, { list: 'b', n: 1 }));
    await v.b.syncUntil('arrival in b', async () => uid in (await v.b.list()));
    await v.a.syncUntil('gone from a', async () => !(uid in (await v.a.list())));
    assert.deepEqual((await v.b.read(uid)).data, { list: 'b', n: 1 });

    await v.b.result(await v.b.update(uid, { list: 'a', n: 2 }));
    await v.a.syncUntil('back in a', async () => uid in (await v.a.list()));
    await v.b.syncUntil('gone from b', async () => !(uid in (await v.b.list())));
    const settled = await settleAll(w, v);
    assert.deepEqual(settled, { a: { [uid]: { list: 'a', n: 2 } }, b: {}, all: { [uid]: { list: 'a', n: 2 } } });
  });

  test('the device that moves a record out of its own view loses it', async (t) => {
    const w = world(t);
    const v = await views(w);
    const { uid } = await v.a.result(await v.a.create({ list: 'a' }));
    await v.all.syncUntil('the record', async () => uid in (await v.all.list()));
    await v.a.result(await v.a.update(uid, { list: 'b' }));
    await v.a.syncUntil('gone from a', async () => !(uid in (await v.a.list())));
    const settled = await settleAll(w, v);
    assert.deepEqual(settled, { a: {}, b: { [uid]: { list: 'b' } }, all: { [uid]: { list: 'b' } } });
  });

  test('many records move at once while devices keep asking', async (t) => {
    const w = world(t);
    const v = await views(w);
    const made = await Promise.all([1, 2, 3, 4, 5, 6].map((n) => v.all.create({ list: 'a', n })));
    const uids = [];
    for (const change of made) uids.push((await v.all.result(change)).uid);
    await v.a.syncUntil('all in a', async () => Object.keys(await v.a.list()).length === 6);
    for (const uid of uids.slice(0, 3)) {
      const { data } = await v.all.read(uid);
      await v.all.update(uid, { ...data, list: 'b' });
    }
    await Promise.all([v.all, v.a, v.b].map((d) => d.syncUntil('the move', async () => {
      const records = Object.values(await v.b.list());
      return records.length === 3 && Object.keys(await v.a.list()).length === 3;
    })));
    const settled = await settleAll(w, v);
    assertRecords(settled.a, [4, 5, 6].map((n) => ({ list: 'a', n })));
    assertRecords(settled.b, [1, 2, 3].map((n) => ({ list: 'b', n })));
  });

  test('a record deleted through one view leaves all views', async (t) => {
    const w = world(t);
    const v = await views(w);
    const { uid } = await v.a.result(await v.a.create({ list: 'a' }));
    await v.all.syncUntil('the record', async () => uid in (await v.all.list()));
    await v.all.result(await v.all.delete(uid));
    await v.a.syncUntil('gone from a', async () => !(uid in (await v.a.list())));
    assert.deepEqual(await settleAll(w, v), { a: {}, b: {}, all: {} });
  });

  test('a device that changes its query params gets the other view', async (t) => {
    const w = world(t);
    const v = await views(w);
    await v.a.create({ list: 'a', n: 1 });
    await v.b.create({ list: 'b', n: 2 });
    await settleAll(w, v);
    await v.a.setQuery(inB);
    assertRecords(await w.settle([v.a, v.b], { query: inB }), [{ list: 'b', n: 2 }]);
    await v.a.setQuery(inA);
    assertRecords((await settleAll(w, v)).a, [{ list: 'a', n: 1 }]);
  });
});
