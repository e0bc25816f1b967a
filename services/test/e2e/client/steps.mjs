// Sequences that several scenarios walk through with the real client.
import assert from 'node:assert/strict';

// Every request in which a device sent the change with this hash.
export function sendings(device, hash) {
  return device.net.exchanges('sync')
    .map((e) => ({ ...e, change: e.sent.pending.find((c) => c.hash === hash) }))
    .filter((e) => e.change);
}

// The pending changes are sent, the server gets them, the answer is lost, and
// no news of them comes until the client has waited long enough
// (crashed_count_wait) to be ready to send them again. They stay pending.
export async function loseAnswer(device) {
  device.net.dropResponse();
  assert.equal((await device.sync()).code, 'sync_failed');
  await waitForCrash(device);
}

// The same, but the server never got the request.
export async function loseRequest(device) {
  device.net.dropRequest();
  assert.equal((await device.sync()).code, 'sync_failed');
  await waitForCrash(device);
}

async function waitForCrash(device) {
  for (;;) {
    const changes = Object.values(await device.pending());
    assert.notEqual(changes.length, 0, 'nothing left to send again');
    if (changes.every((c) => !c.inFlight)) return;
    device.net.withholdResults();
    await device.sync();
  }
}
