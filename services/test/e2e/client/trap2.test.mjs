// Trap 2: a request may acknowledge a change and send it again. The client does
// so after two lost messages: it no longer counts the change as in flight when
// the result comes, so it acknowledges the result and keeps the change.
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { assertRecords, rawCreate, sharedRecord, world } from './world.mjs';
import { loseRequest, sendings } from './steps.mjs';

async function bringClientToAckAndResend(device, change) {
  await loseRequest(device);
  device.net.dropResponse();
  await device.sync();
  await device.serverHasResult(change.hash);
  await device.sync();
  assert.ok((await device.pending())[change.hash], 'the client let go of the change');
}

function assertAckedAndSent(device, hash) {
  const both = sendings(device, hash).filter((e) => e.sent.acknowledgements.some((u) => u.hash === hash));
  assert.equal(both.length, 1, 'no request acknowledged and resent the change');
}

const kinds = {
  create: { make: (d) => d.create({ v: 'new' }), after: [{ v: 0 }, { v: 'new' }] },
  update: { make: (d, uid) => d.update(uid, { v: 1 }), after: [{ v: 1 }] },
  delete: { make: (d, uid) => d.delete(uid), after: [] },
};

describe('trap 2: acknowledged and sent again', { concurrency: true }, () => {
  for (const [kind, { make, after }] of Object.entries(kinds)) {
    test(`${kind}: reported again, not applied again`, async (t) => {
      const w = world(t);
      const { a, b, uid } = await sharedRecord(w, { v: 0 });
      const change = await make(a, uid);
      await bringClientToAckAndResend(a, change);
      assert.equal((await a.result(change)).type, 'applied');
      assertAckedAndSent(a, change.hash);
      assertRecords(await w.settle([a, b]), after);
      assert.deepEqual(await a.listCollisions(), {});
    });
  }

  test('together with a further edit, which the client makes a change of its own', async (t) => {
    const w = world(t);
    const a = await w.device();
    const change = await a.create({ v: 1 });
    await bringClientToAckAndResend(a, change);
    const edit = await a.update(change.uid, { v: 2 });
    assert.notEqual(edit.hash, change.hash);
    for (const c of [change, edit]) assert.equal((await a.result(c)).type, 'applied');
    assertAckedAndSent(a, change.hash);
    assertRecords(await w.settle([a]), [{ v: 2 }]);
    assert.deepEqual(await a.listCollisions(), {});
  });

  test('with newer content: the new content is applied and its result reported', async (t) => {
    const w = world(t);
    const { a, b, uid } = await sharedRecord(w, { v: 0 });
    const change = await a.update(uid, { v: 1 });
    await bringClientToAckAndResend(a, change);
    // This client no longer merges here; a request of one that does is made up.
    a.net.rewrite((request) => { request.pending[0].post = { v: 2 }; });
    assert.equal((await a.result(change)).type, 'applied');
    assertAckedAndSent(a, change.hash);
    await b.syncUntil('newer content', async () => (await b.read(uid)).data.v === 2);
    assert.deepEqual(await w.settle([a, b]), { [uid]: { v: 2 } });
    assert.deepEqual(await a.listCollisions(), {});
  });

  test('an acknowledgement does not remove a result that came after it', async (t) => {
    const w = world(t);
    const [a, watcher] = [await w.device(), await w.device()];
    const hash = 'b'.repeat(40);
    await a.raw({ fn: 'sync', pending: [rawCreate(hash, { v: 1 })] });
    const first = await a.serverHasResult(hash);

    await a.raw({ fn: 'sync', acknowledgements: [first], pending: [rawCreate(hash, { v: 2 })] });
    await watcher.syncUntil('second version', async () => Object.values(await watcher.list()).some((r) => r.data.v === 2));
    const second = await a.serverHasResult(hash);
    assert.equal(second.type, 'applied');
    // By the time everything has settled, the acknowledgement has been worked off.
    assertRecords(await w.settle([watcher]), [{ v: 2 }]);
    assert.deepEqual(await a.serverHasResult(hash), second);

    await a.raw({ fn: 'sync', acknowledgements: [second] });
    await a.until('the result is forgotten', async () => {
      const { body } = await a.raw({ fn: 'sync' });
      return !(hash in body.updates.hashes);
    });
  });

  test('what a request acknowledges is not in its own answer', async (t) => {
    const w = world(t);
    const a = await w.device();
    const [one, two] = [rawCreate('c'.repeat(40), { v: 1 }), rawCreate('d'.repeat(40), { v: 2 })];
    await a.raw({ fn: 'sync', pending: [one, two] });
    const first = await a.serverHasResult(one.hash);
    await a.serverHasResult(two.hash);
    const { body } = await a.raw({ fn: 'sync', acknowledgements: [first] });
    assert.deepEqual(Object.keys(body.updates.hashes), [two.hash]);
    assert.deepEqual(Object.keys(body.updates.applied), [two.hash]);
  });
});
