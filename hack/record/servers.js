'use strict';
// Starts and stops the servers that the reference server needs. Every child is stopped by its pid.

const { spawn } = require('child_process');
const net = require('net');
const path = require('path');

const children = new Set();

/** Remembers a child process, so that stopAll ends it. */
function track(child) {
  children.add(child);
  child.once('exit', () => children.delete(child));
  return child;
}

/** Ends every child that still runs. */
function stopAll() {
  for (const child of children) {
    child.kill('SIGKILL');
  }
}

let nextPort = 21000 + (process.pid % 400) * 20;

/** Finds a free port on 127.0.0.1, below 32768: those above collide with ephemeral ports. */
async function freePort() {
  for (;;) {
    const port = 21000 + (nextPort++ - 21000) % 11000;
    const free = await new Promise((resolve) => {
      const probe = net.createServer();
      probe.once('error', () => resolve(false));
      probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
    });
    if (free) {
      return port;
    }
  }
}

function start(command, args, ready) {
  const child = track(spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] }));
  return new Promise((resolve, reject) => {
    let out = '';
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`${command} ended with ${code}: ${out}`)));
    child.stdout.on('data', (text) => {
      out += text;
      if (out.includes(ready)) {
        resolve();
      }
    });
  });
}

/** Starts the MongoDB wire server and Redis; returns their addresses. */
async function startServers() {
  const target = path.join(__dirname, '..', 'mongo', 'target');
  const [mongoPort, redisPort] = [await freePort(), await freePort()];
  const classPath = [path.join(target, 'classes'), path.join(target, 'lib', '*')].join(path.delimiter);
  await Promise.all([
    start('java', ['-Xmx512m', '-cp', classPath, 'TestMongo', String(mongoPort)], 'LISTENING'),
    start('redis-server', ['--bind', '127.0.0.1', '--port', String(redisPort), '--save', '', '--appendonly', 'no'],
      'Ready to accept connections'),
  ]);
  return { mongo: `mongodb://127.0.0.1:${mongoPort}`, redis: `redis://127.0.0.1:${redisPort}` };
}

module.exports = { freePort, startServers, stopAll, track };
