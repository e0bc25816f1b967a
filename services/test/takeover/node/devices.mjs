// The devices of a test, driven by lines of JSON: {id, device, method, args} in,
// {id, result} or {id, error} out. A method is one of Device (device.mjs), of its
// network ("net.duplicate"), or one of those below.
import { createInterface } from 'node:readline';
import { Device } from './device.mjs';

const devices = new Map();

const own = {
  online: (device, online) => { device.net.online = online; },
  // All results that the device was told, oldest first.
  results: (device) => device.events
    .filter((e) => ['remote_update_applied', 'remote_update_failed', 'collision_detected'].includes(e.code))
    .map((e) => ({ hash: e.message.hash, type: e.message.type, uid: e.message.uid, msg: e.message.msg })),
};

async function run({ device: name, method, args }) {
  if (method === 'open') {
    devices.set(name, await Device.open(args[0]));
    return null;
  }
  const device = devices.get(name);
  if (own[method]) return own[method](device, ...args);
  if (method.startsWith('net.')) {
    device.net[method.slice(4)](...args);
    return null;
  }
  return device[method](...args);
}

createInterface({ input: process.stdin }).on('line', async (line) => {
  const call = JSON.parse(line);
  let answer;
  try {
    answer = { result: (await run(call)) ?? null };
  } catch (err) {
    answer = { error: err.stack };
  }
  console.log(JSON.stringify({ id: call.id, ...answer }));
}).on('close', () => process.exit(0));
