// A device: one unmodified fh-sync-js in a JavaScript realm of its own, with its
// own window, storage, network, clock and timers. Several live in one process
// and share nothing, as several phones do.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { webcrypto } from 'node:crypto';
import vm from 'node:vm';
import { Net, xhrClass } from './net.mjs';
import { until } from './until.mjs';

// dist/ and not the package's main: there doCreate fails for want of a bundler.
const file = createRequire(import.meta.url).resolve('fh-sync-js/dist/fh-sync.js');
const client = new vm.Script(readFileSync(file, 'utf8'), { filename: file });

// The client looks every 500 ms whether something is to be done. Tests make all
// its timers faster; the client's code and its order of steps stay as they are.
const SPEED = 25;

export class Device {
  events = []; // all notifications, oldest first
  clock = Date.now; // replace it to freeze or shift the device's time
  #timers = new Set();
  #crash;
  #options;

  // options: dataset, query, meta, config (the client's own names), url, path,
  // storage. Unless config says sync_active, the device talks to the server
  // only when the test calls sync(): each request is a deliberate step.
  static async open(options) {
    const device = new Device(options);
    await new Promise((resolve) => {
      device.api.manage(device.dataset, {}, options.query, options.meta, resolve);
    });
    return device;
  }

  constructor(options) {
    this.#options = options;
    this.dataset = options.dataset;
    this.storage = options.storage ?? new Storage();
    this.net = new Net();
    this.api = this.#load();
    this.cuid = this.storage.getItem('feedhenry_sync_client');
    this.api.notify((n) => this.events.push(plain(n)));
    this.api.init({
      cloudUrl: options.url,
      cloudPath: options.path,
      storage_strategy: 'dom',
      sync_active: false,
      crashed_count_wait: 1,
      ...options.config,
    });
  }

  #load() {
    const self = this;
    const window = vm.createContext({
      console,
      crypto: webcrypto,
      document: { URL: 'http://localhost/' },
      localStorage: this.storage,
      navigator: { get onLine() { return self.net.online; } },
      XMLHttpRequest: xhrClass(this.net, (err) => { this.#crash ??= err; }),
      setTimeout: (fn, ms) => this.#timer(fn, ms),
      clearTimeout: (t) => this.#drop(t),
      now: () => this.clock(),
    });
    window.window = window;
    vm.runInContext('Date = class extends Date { constructor(...a) { super(...(a.length ? a : [now()])); } static now() { return now(); } }', window);
    client.runInContext(window);
    return window.$fh.sync;
  }

  #timer(fn, ms = 0) {
    const t = setTimeout(() => {
      this.#timers.delete(t);
      fn();
    }, ms / SPEED);
    t.immediate = ms === 0;
    this.#timers.add(t);
    return t;
  }

  #drop(t) {
    clearTimeout(t);
    this.#timers.delete(t);
  }

  // --- what an app calls -------------------------------------------------

  create(data) { return this.#call('doCreate', data); }
  read(uid) { return this.#call('doRead', uid); }
  update(uid, data) { return this.#call('doUpdate', uid, data); }
  delete(uid) { return this.#call('doDelete', uid); }
  list() { return this.#call('doList'); }
  listCollisions() { return this.#call('listCollisions'); }
  removeCollision(hash) { return this.#call('removeCollision', hash); }
  setQuery(query) { return this.#call('setQueryParams', query); }
  startSync() { return this.#call('startSync'); }
  stopSync() { return this.#call('stopSync'); }
  pending() { return this.#call('getPending'); }
  hash() { return this.#state().hash; }

  // A create whose data is null goes through only without a failure callback.
  createNull() {
    return new Promise((resolve) => {
      this.api.doCreate(this.dataset, null, (change) => resolve(plain(change)));
    });
  }

  // Empties the local copy, then has the client manage the dataset anew.
  async clearCache() {
    await new Promise((resolve) => { this.api.clearCache(this.dataset, resolve); });
    const { query, meta } = this.#options;
    await new Promise((resolve) => { this.api.manage(this.dataset, {}, query, meta, resolve); });
  }

  #call(method, ...args) {
    return new Promise((resolve, reject) => {
      this.api[method](
        this.dataset,
        ...args,
        (result) => resolve(plain(result)),
        (code, msg) => reject(new Error(`${method}: ${msg ?? code}`)),
      );
    });
  }

  // --- steps of a test ---------------------------------------------------

  // One whole sync loop of the client: resolves with its last notification,
  // sync_complete or sync_failed.
  async sync() {
    // Notifications come by a timer; the late ones of an earlier loop must not
    // be taken for ours.
    await this.until('quiet', () => this.idle());
    const from = this.events.length;
    this.api.forceSync(this.dataset);
    return this.until('end of the sync loop', () => this.events.slice(from).find(isLoopEnd));
  }

  // No sync loop is running and all its notifications have been delivered.
  idle() {
    return !this.#state().syncRunning && [...this.#timers].every((t) => !t.immediate);
  }

  async syncUntil(what, condition, ms) {
    return this.until(what, async () => {
      await this.sync();
      return condition();
    }, ms);
  }

  // Syncs until the server's result for a change is there and returns it:
  // {type, uid, hash, msg, ...}, with the notification's code added.
  async result(change, from = 0) {
    const found = () => this.events.slice(from).find((e) => isResult(e) && e.message.hash === change.hash);
    const event = await this.syncUntil(`result of ${change.action} ${change.hash}`, found);
    return { ...event.message, code: event.code };
  }

  // A request that the client itself would not send. Resolves with
  // {status, body}; never part of the client's own state.
  async raw(body, query = this.#options.query) {
    const { url, path = '/sync/' } = this.#options;
    const res = await fetch(url + path + this.dataset, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query_params: query ?? {}, __fh: { cuid: this.cuid }, ...body }),
    });
    return { status: res.status, body: await res.json() };
  }

  // Asks the server, without acknowledging anything, until it knows the result
  // of a change. So a test can wait for the server while the client waits too.
  serverHasResult(hash) {
    return this.until(`server's result of ${hash}`, async () => {
      const { body } = await this.raw({ fn: 'sync' });
      return body.updates?.hashes[hash];
    });
  }

  // The app is closed and opened again: memory is gone, storage is not.
  async restart() {
    this.close();
    return Device.open({ ...this.#options, storage: this.storage });
  }

  close() {
    this.#timers.forEach((t) => clearTimeout(t));
    this.#timers.clear();
    this.net.close();
  }

  until(what, condition, ms) {
    return until(`device ${this.cuid}: ${what}`, () => {
      if (this.#crash) throw new Error('the client threw in a callback', { cause: this.#crash });
      return condition();
    }, ms);
  }

  #state() {
    let state;
    this.api.getDataset(this.dataset, (found) => { state = found; });
    return state;
  }
}

function isLoopEnd(event) {
  return event.code === 'sync_complete' || event.code === 'sync_failed';
}

function isResult(event) {
  return ['remote_update_applied', 'remote_update_failed', 'collision_detected'].includes(event.code);
}

// The client's objects belong to another realm, where deepEqual's prototype
// check would fail, and are its live state: tests get copies.
function plain(value) {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}

class Storage {
  #items = new Map();
  getItem(key) { return this.#items.get(String(key)) ?? null; }
  setItem(key, value) { this.#items.set(String(key), String(value)); }
  removeItem(key) { this.#items.delete(String(key)); }
}
