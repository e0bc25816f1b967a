'use strict';
// Keys in a file, for one process: a line of JSON for each, added and synced to the
// disk before the change is answered. What is older than maxAge goes at the next start.
const fs = require('node:fs');

const day = 24 * 60 * 60 * 1000;

class FileStore {
  // maxAge is in milliseconds.
  constructor(path, { maxAge = 30 * day } = {}) {
    this.results = new Map();
    const lines = [];
    for (const line of read(path).split('\n')) {
      const entry = parse(line);
      if (!entry || entry[1] < Date.now() - maxAge) continue;
      this.results.set(entry[0], entry[2]);
      lines.push(line + '\n');
    }
    // Written anew, so that a line that a crash cut off is not continued by the next.
    const fresh = path + '.new';
    const fd = fs.openSync(fresh, 'w', 0o600);
    fs.writeSync(fd, lines.join(''));
    fs.fsyncSync(fd);
    fs.closeSync(fd);
    fs.renameSync(fresh, path);
    this.fd = fs.openSync(path, 'a');
    this.waiting = [];
    this.writing = undefined;
  }

  get(id) {
    return this.results.get(id);
  }

  // put resolves once the key is on the disk; those that come meanwhile share a write.
  put(id, result) {
    this.results.set(id, result);
    this.waiting.push(JSON.stringify([id, Date.now(), result]) + '\n');
    const before = this.writing ?? Promise.resolve();
    this.writing = before.catch(() => {}).then(() => this.flush());
    return this.writing;
  }

  async flush() {
    const lines = this.waiting.splice(0);
    if (lines.length === 0) return;
    try {
      await new Promise((resolve, reject) => fs.appendFile(this.fd, lines.join(''), (err) => (err ? reject(err) : resolve())));
      await new Promise((resolve, reject) => fs.fdatasync(this.fd, (err) => (err ? reject(err) : resolve())));
    } catch (err) {
      this.waiting.unshift('\n', ...lines); // for the next put; what was half written ends its line
      throw err;
    }
  }
}

function read(path) {
  try {
    return fs.readFileSync(path, 'utf8');
  } catch (err) {
    if (err.code === 'ENOENT') return '';
    throw err;
  }
}

// parse reads [id, time, result]; undefined for a line that is not whole.
function parse(line) {
  try {
    const entry = JSON.parse(line);
    return Array.isArray(entry) && entry.length === 3 ? entry : undefined;
  } catch {
    return undefined;
  }
}

module.exports = { FileStore };
