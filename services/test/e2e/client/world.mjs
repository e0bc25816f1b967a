// What a scenario starts from: a dataset of its own, devices on it, and the
// question that ends every scenario: do all devices agree with the backend?
import { exec } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import assert from 'node:assert/strict';
import { Device } from './device.mjs';
import { until } from './until.mjs';

const url = (process.env.TANDEM_URL ?? '').replace(/\/$/, '');
if (!url) throw new Error('TANDEM_URL must hold the base URL of a running Tandem');

// world(t): t is node:test's context; all devices are closed when the test ends.
export function world(t, { dataset = `tasks-${randomUUID().slice(0, 8)}`, query } = {}) {
  const opened = [];
  const w = {
    dataset,

    async device(options = {}) {
      const device = await Device.open({ url, dataset, query, ...options });
      opened.push(device);
      return device;
    },

    async restart(device) {
      const again = await device.restart();
      opened.push(again);
      return again;
    },

    stop: () => admin('stop', dataset),
    start: () => admin('start', dataset),

    // All is said and done: no device has a change left, and each one's copy
    // equals that of a device that has just come new. A marker record makes
    // sure that a sync run has happened after everything else: where it shows,
    // the backend's state after the last change shows. It also means a new
    // global hash, after which devices must forget what was refused.
    // Returns the records without the marker, as {uid: data}.
    async settle(devices, { query: view = query } = {}) {
      for (const d of devices) await d.syncUntil('no pending change', async () => isEmpty(await d.pending()));
      const maker = await w.device({ query: view });
      const marker = await maker.create({ ...view, marker: randomUUID() });
      const { uid } = await maker.result(marker);
      const fresh = await w.device({ query: view });
      await fresh.syncUntil('marker on a new device', async () => uid in (await fresh.list()));
      // It may have come in the middle of that sync run; then its hash is the older one.
      await until('nothing more to ask for', async () => {
        const from = fresh.net.log.length;
        await fresh.sync();
        return fresh.net.exchanges('syncRecords', from).length === 0;
      });
      const truth = await fresh.list();
      for (const d of devices) {
        try {
          await d.syncUntil('same records as a new device', async () => same(await d.list(), truth), 10_000);
        } catch {
          assert.deepEqual(await d.list(), truth, 'device differs from a new device');
        }
      }
      delete truth[uid];
      return Object.fromEntries(
        Object.entries(truth).filter(([, r]) => !r.data?.marker).map(([id, r]) => [id, r.data]),
      );
    },
  };
  t.after(() => opened.forEach((d) => d.close()));
  return w;
}

// The settled records must be exactly these, whatever their uids.
export function assertRecords(settled, expected) {
  const sorted = (list) => list.map((d) => JSON.stringify(d)).sort();
  assert.deepEqual(sorted(Object.values(settled)), sorted(expected));
}

// All uids of a device whose data fits.
export async function uidsOf(device, fits) {
  return Object.entries(await device.list()).filter(([, r]) => fits(r.data)).map(([uid]) => uid);
}

// Two devices and one record that both have, the usual start.
export async function sharedRecord(w, data, options) {
  const a = await w.device(options);
  const b = await w.device(options);
  const { uid } = await a.result(await a.create(data));
  await b.syncUntil('record of the other device', async () => uid in (await b.list()));
  // Both ask: the hash may move on after one of them has it, by a sync run that changes nothing.
  await a.syncUntil('own record confirmed', async () => { await b.sync(); return a.hash() === b.hash(); });
  return { a, b, uid };
}

// The raw parts of the change that a client would send for a create.
export function rawCreate(hash, post) {
  return { inFlight: true, action: 'create', uid: hash, hash, post, timestamp: Date.now() };
}

async function admin(verb, dataset) {
  const prefix = process.env.TANDEM_ADMIN;
  assert.ok(prefix, 'TANDEM_ADMIN must hold the command that stops and starts datasets');
  await promisify(exec)(`${prefix} ${verb} ${dataset}`);
}

function isEmpty(object) {
  return Object.keys(object).length === 0;
}

// Order of keys is no difference; assert's own comparison decides.
function same(a, b) {
  try {
    assert.deepEqual(a, b);
    return true;
  } catch {
    return false;
  }
}
