import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { sharedRecord, world } from './world.mjs';

describe('collisions', { concurrency: true }, () => {
  test('two edits of one record: the second collides, is listed, resolved, removed', async (t) => {
    const w = world(t);
    const { a, b, uid } = await sharedRecord(w, { v: 0 });
    const mine = await b.update(uid, { v: 'b' });
    assert.equal((await a.result(await a.update(uid, { v: 'a' }))).type, 'applied');
    const result = await b.result(mine);
    assert.equal(result.code, 'collision_detected');
    assert.equal(result.type, 'collisions');
    assert.equal(result.uid, uid);

    const listed = Object.values(await b.listCollisions());
    assert.equal(listed.length, 1);
    const [collision] = listed;
    assert.equal(collision.uid, uid);
    assert.deepEqual(collision.pre, { v: 0 });
    assert.deepEqual(collision.post, { v: 'b' });
    assert.equal(collision.timestamp, mine.timestamp);
    assert.equal(collision.hash, (await a.read(uid)).hash, 'hash of the data found');
    assert.deepEqual(await w.settle([a, b]), { [uid]: { v: 'a' } });

    // The user decides: write the refused content over the present one.
    assert.equal((await b.result(await b.update(uid, collision.post))).type, 'applied');
    await b.removeCollision(collision.hash);
    assert.deepEqual(await a.listCollisions(), {});
    assert.deepEqual(await w.settle([a, b]), { [uid]: { v: 'b' } });
  });

  test('removeCollision removes the one and leaves the other', async (t) => {
    const w = world(t);
    const { a, b, uid } = await sharedRecord(w, { n: 1, v: 0 });
    const second = (await a.result(await a.create({ n: 2, v: 0 }))).uid;
    await b.syncUntil('second record', async () => second in (await b.list()));
    const refused = [await b.update(uid, { n: 1, v: 'b' }), await b.update(second, { n: 2, v: 'b' })];
    await a.result(await a.update(uid, { n: 1, v: 'a' }));
    await a.result(await a.update(second, { n: 2, v: 'a' }));
    for (const change of refused) assert.equal((await b.result(change)).type, 'collisions');

    const listed = Object.values(await a.listCollisions());
    assert.deepEqual(listed.map((c) => c.uid).sort(), [uid, second].sort());
    await a.removeCollision('0'.repeat(40));
    assert.equal(Object.keys(await a.listCollisions()).length, 2);
    await a.removeCollision(listed.find((c) => c.uid === uid).hash);
    assert.deepEqual(Object.values(await a.listCollisions()).map((c) => c.uid), [second]);
    await w.settle([a, b]);
  });

  test('deleting what another device has changed collides; the record stays', async (t) => {
    const w = world(t);
    const { a, b, uid } = await sharedRecord(w, { v: 0 });
    const removal = await b.delete(uid);
    await a.result(await a.update(uid, { v: 1 }));
    assert.equal((await b.result(removal)).type, 'collisions');
    const [collision] = Object.values(await b.listCollisions());
    assert.deepEqual(collision.pre, { v: 0 });
    assert.equal(collision.post ?? null, null);
    assert.deepEqual(await w.settle([a, b]), { [uid]: { v: 1 } });
  });

  test('changing what another device has deleted collides; the record stays away', async (t) => {
    const w = world(t);
    const { a, b, uid } = await sharedRecord(w, { v: 0 });
    const change = await b.update(uid, { v: 1 });
    await a.result(await a.delete(uid));
    assert.equal((await b.result(change)).type, 'collisions');
    assert.equal(Object.keys(await b.listCollisions()).length, 1);
    assert.deepEqual(await w.settle([a, b]), {});
  });

  test('what is already in effect is no collision: same delete, same edit', async (t) => {
    const w = world(t);
    const { a, b, uid } = await sharedRecord(w, { v: 0 });
    const edit = await b.update(uid, { v: 1 });
    await a.result(await a.update(uid, { v: 1 }));
    assert.equal((await b.result(edit)).type, 'applied');
    await w.settle([a, b]);
    const removal = await b.delete(uid);
    await a.result(await a.delete(uid));
    assert.equal((await b.result(removal)).type, 'applied');
    assert.deepEqual(await w.settle([a, b]), {});
    assert.deepEqual(await a.listCollisions(), {});
  });
});
