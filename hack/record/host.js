'use strict';
// Runs the host app for one scenario and starts it again when the reference server brought it down.

const http = require('http');
const path = require('path');
const { fork } = require('child_process');
const { freePort, track } = require('./servers');

/** The reference server's settings while recording: its own defaults, but with workers that poll often. */
const FAST = {
  pendingWorkerInterval: 40,
  pendingWorkerBackoff: { strategy: 'none' },
  ackWorkerInterval: 40,
  ackWorkerBackoff: { strategy: 'none' },
  syncWorkerInterval: 40,
  syncWorkerBackoff: { strategy: 'none' },
  schedulerInterval: 100,
  // A host app that died keeps the scheduler's lock; the next one must not wait 20 s for it.
  schedulerLockMaxTime: 1000,
};

const BODY_LIMIT = 1 << 20;
const START_LIMIT_MS = 60000;

class Host {
  constructor(servers, db, scenario) {
    this.setup = {
      mongo: `${servers.mongo}/${db}`,
      redis: servers.redis,
      bodyLimit: BODY_LIMIT,
      datasets: scenario.datasets || {},
      server: { ...FAST, ...scenario.server, ...scenario.recordServer },
    };
    this.lists = {};
    this.calls = 0;
  }

  get bodyLimit() {
    return BODY_LIMIT;
  }

  /** Whether the host app is down. */
  get down() {
    return !this.child || this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** Starts the host app unless it runs. Resolves to false when it came down again while starting. */
  async up() {
    if (!this.down) {
      return true;
    }
    this.setup.port = await freePort();
    const child = track(fork(path.join(__dirname, 'hostapp.js'), {
      env: { ...process.env, RECORD_SETUP: JSON.stringify(this.setup) },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    }));
    this.child = child;
    this.log = '';
    child.stdout.resume();
    child.stderr.on('data', (text) => { this.log += text; });
    child.on('message', ({ listed }) => {
      if (listed) {
        this.lists[listed] = (this.lists[listed] || 0) + 1;
      }
    });
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`host app does not start: ${this.log}`)), START_LIMIT_MS);
      const end = (ok) => {
        clearTimeout(timer);
        resolve(ok);
      };
      child.on('message', (message) => message.ready && end(true));
      child.once('exit', () => end(false));
    });
  }

  /** Asks the host app to stop or start a dataset. */
  control(message) {
    const id = ++this.calls;
    return new Promise((resolve, reject) => {
      const hear = (answer) => {
        if (answer.id !== id) {
          return;
        }
        this.child.off('message', hear);
        answer.error ? reject(new Error(answer.error)) : resolve();
      };
      this.child.on('message', hear);
      this.child.send({ id, ...message });
    });
  }

  /** Sends one request; resolves to {status, headers, text}, or to null when the host app came down. */
  request({ method, path: url, headers, text }) {
    return new Promise((resolve, reject) => {
      const fail = (err) => {
        // A moment later the exit of the process is known, and tells a crash from any other fault.
        setTimeout(() => (this.down ? resolve(null) : reject(err)), 300);
      };
      const req = http.request({ host: '127.0.0.1', port: this.setup.port, method, path: url, headers, agent: false }, (res) => {
        const parts = [];
        res.on('data', (part) => parts.push(part));
        res.on('error', fail);
        res.on('end', () => resolve({ status: res.statusCode, headers: res.headers, text: Buffer.concat(parts).toString() }));
      });
      req.on('error', fail);
      req.end(text);
    });
  }

  stop() {
    if (!this.down) {
      this.child.kill('SIGKILL');
    }
  }
}

module.exports = { Host };
