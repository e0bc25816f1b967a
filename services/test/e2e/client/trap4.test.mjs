// Trap 4: one bad change must not block a device. (Changes that a backend refuses
// are in failures.test.mjs.)
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { assertRecords, rawCreate, sharedRecord, world } from './world.mjs';

function assertFailed(result) {
  assert.equal(result.type, 'failed');
  assert.equal(typeof result.msg, 'string');
  assert.notEqual(result.msg, '');
}

describe('trap 4: bad changes among good ones', { concurrency: true }, () => {
  test('records that are a text or null get a failed result, the others go on', async (t) => {
    const w = world(t);
    const { a, b } = await sharedRecord(w, { v: 0 });
    const good = [await a.create({ v: 1 })];
    const bad = [await a.create('just a text'), await a.createNull(), await a.create(7)];
    good.push(await a.create({ v: 2 }));
    for (const change of good) assert.equal((await a.result(change)).type, 'applied');
    for (const change of bad) {
      const result = await a.result(change);
      assert.equal(result.code, 'remote_update_failed');
      assertFailed(result);
    }
    assertRecords(await w.settle([a, b]), [{ v: 0 }, { v: 1 }, { v: 2 }]);
  });

  test('a record updated to a text fails and keeps its content', async (t) => {
    const w = world(t);
    const { a, b, uid } = await sharedRecord(w, { v: 0 });
    assertFailed(await a.result(await a.update(uid, 'just a text')));
    assert.deepEqual(await w.settle([a, b]), { [uid]: { v: 0 } });
  });

  test('changes that mean nothing get a failed result, the others go on', async (t) => {
    const w = world(t);
    const { a, b, uid } = await sharedRecord(w, { v: 0 });
    const bad = {
      'unknown action': { action: 'frobnicate', uid, post: { v: 1 } },
      'no action': { uid, post: { v: 1 } },
      'action is an object': { action: { $gt: '' }, uid, post: { v: 1 } },
      'action is a name of the language': { action: 'constructor', uid, post: { v: 1 } },
      'update without uid': { action: 'update', pre: { v: 0 }, post: { v: 1 } },
      'uid is an object': { action: 'update', uid: { $ne: null }, pre: { v: 0 }, post: { v: 1 } },
      'create without post': { action: 'create', uid: 'made up' },
    };
    const hashOf = (name) => Buffer.from(name).toString('hex').padEnd(40, '0');
    const pending = Object.entries(bad).map(([name, change]) => ({ hash: hashOf(name), timestamp: 1, ...change }));
    const good = rawCreate('0b'.repeat(20), { v: 'good' });
    assert.equal((await a.raw({ fn: 'sync', pending: [...pending, good] })).status, 200);
    assert.equal((await a.serverHasResult(good.hash)).type, 'applied');
    const results = await Promise.allSettled(Object.keys(bad).map((name) => a.serverHasResult(hashOf(name))));
    const unanswered = Object.keys(bad).filter((_, i) => results[i].status === 'rejected');
    assert.deepEqual(unanswered, [], 'the device would keep these for ever');
    results.forEach((r) => assertFailed(r.value));
    assertRecords(await w.settle([a, b]), [{ v: 0 }, { v: 'good' }]);
  });

  test('an update without pre or post and a delete without pre do no harm', async (t) => {
    const w = world(t);
    const { a, b, uid } = await sharedRecord(w, { v: 0 });
    const changes = [
      { hash: '7'.repeat(40), action: 'delete', uid },
      { hash: '8'.repeat(40), action: 'update', uid, post: { v: 1 } },
      { hash: '9'.repeat(40), action: 'update', uid, pre: { v: 0 } },
    ];
    await a.raw({ fn: 'sync', pending: changes });
    for (const { hash } of changes) assert.notEqual((await a.serverHasResult(hash)).type, 'applied');
    assert.deepEqual(await w.settle([a, b]), { [uid]: { v: 0 } });
  });

  test('a change that cannot be answered is dropped, the others go on', async (t) => {
    const w = world(t);
    const a = await w.device();
    const good = rawCreate('0a'.repeat(20), { v: 1 });
    const pending = [{ action: 'create', uid: 'x', post: { v: 2 } }, null, 'text', 5, [], { ...good, hash: { $ne: null } }, good];
    const { status } = await a.raw({ fn: 'sync', pending });
    assert.equal(status, 200);
    assert.equal((await a.serverHasResult(good.hash)).type, 'applied');
    assertRecords(await w.settle([a]), [{ v: 1 }]);
  });
});

// Written as JSON: an object literal cannot have a __proto__ key of its own.
const odd = {
  'dots': '{"a.b": 1, ".": 2, "a": {"b.c": 3}}',
  'dollars': '{"$set": {"x": 1}, "$": 2, "in": {"$ne": null}, "price$": 3}',
  'NUL': '{"a\\u0000b": "c\\u0000d", "\\u0000": 1}',
  'lone surrogates': '{"\\ud800": "high", "low": "\\udc00", "mixed": "a\\ud83d!", "pair": "\\ud83d\\ude00"}',
  'empty key': '{"": 1, "x": {"": 2}}',
  'names of the language': '{"__proto__": {"x": 1}, "constructor": 2, "toString": null, "hasOwnProperty": 3}',
  'numbers': '{"n": [0, -1, 1.5, 1e21, 1e-7, 5e-324, 1.7976931348623157e308, 9007199254740993, 0.1]}',
  'long arrays': '{"list": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, [12, [13]], {"k": 14}]}',
  'empty values': '{"a": null, "b": "", "c": [], "d": {}, "e": false, "f": 0}',
  'escapes': '{"<b>&": "\\u2028\\u2029 \\u007f \\"\\\\/ \\b\\f\\n\\r\\t \\u001f", "ключ": "значение"}',
  'empty record': '{}',
};

describe('legal JSON comes back as it was', { concurrency: true }, () => {
  for (const [name, json] of Object.entries(odd)) {
    test(name, async (t) => {
      const w = world(t);
      const data = JSON.parse(json);
      const { a, b, uid } = await sharedRecord(w, data);
      // Compared as text: it shows own __proto__ keys and every escape.
      const text = async (d) => JSON.stringify(sorted((await d.read(uid)).data));
      const expected = JSON.stringify(sorted(data));
      assert.equal(await text(b), expected);

      // Server and client agree on the hash: nothing is sent for what a has.
      const clientRecs = Object.fromEntries(Object.entries(await a.list()).map(([id, r]) => [id, r.hash]));
      const { body } = await a.raw({ fn: 'syncRecords', clientRecs });
      assert.deepEqual([body.create, body.update, body.delete], [{}, {}, {}]);

      // And on what a change is based on: no collision.
      const more = Object.assign(JSON.parse(json), { more: true });
      assert.equal((await b.result(await b.update(uid, more))).type, 'applied');
      await a.syncUntil('the update', async () => (await a.read(uid)).data.more);
      assert.equal((await a.result(await a.update(uid, data))).type, 'applied');
      await b.syncUntil('back again', async () => !(await b.read(uid)).data.more);
      assert.equal(await text(b), expected);
      assert.equal((await b.result(await b.delete(uid))).type, 'applied');
      assert.deepEqual(await w.settle([a, b]), {});
    });
  }
});

// Backends may keep keys in another order; that is no difference.
function sorted(value) {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== 'object') return value;
  return Object.keys(value).sort().map((key) => [key, sorted(value[key])]);
}
