'use strict';
// Plays one scenario against the reference server and fills in the `response` of its steps.

const { generateHash } = require('fh-sync/lib/util');
const { Backend } = require('./backend');
const { fits } = require('./match');
const { Host } = require('./host');
const { Masks } = require('./mask');

const POLL_MS = 40;
const UNTIL_MS = 20000;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Repeats ask until done says yes; returns the last answer and whether it was the one waited for. */
async function poll(ask, done) {
  const end = Date.now() + UNTIL_MS;
  for (;;) {
    const answer = await ask();
    if (done(answer)) {
      return { answer, never: false };
    }
    if (Date.now() > end) {
      return { answer, never: true };
    }
    await pause(POLL_MS);
  }
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch (err) {
    return undefined;
  }
}

class Player {
  constructor(servers, db, scenario) {
    this.scenario = scenario;
    this.host = new Host(servers, db, scenario);
    this.url = `${servers.mongo}/${db}`;
    this.masks = new Masks();
  }

  /** Plays all steps; returns warnings for a reader. */
  async play() {
    const warnings = [];
    this.backend = await Backend.open(this.url);
    try {
      for (const [index, step] of this.scenario.steps.entries()) {
        const before = Date.now();
        const response = await this.step(step);
        if (response === undefined) {
          continue;
        }
        step.response = response;
        if ((response.crash || response.never) && !step.tandem) {
          warnings.push(`step ${index + 1}: ${JSON.stringify(response)} and no tandem answer`);
        }
        if (process.env.RECORD_TRACE) {
          console.error(`  step ${index + 1}: ${Date.now() - before} ms`);
        }
      }
    } finally {
      await this.backend.close();
      this.host.stop();
    }
    return warnings;
  }

  async step(step) {
    const { dataset } = step;
    const uid = step.uid && this.masks.resolve(step.uid);
    const started = await this.host.up();
    switch (step.do) {
      case 'put':
      case 'replace':
        await this.backend[step.do](dataset, uid, step.data);
        return undefined;
      case 'remove':
        await this.backend.remove(dataset, uid);
        return undefined;
      case 'list':
        return this.list(step);
      case 'stop':
      case 'start':
        await this.host.control({ [step.do]: dataset });
        return undefined;
      case 'listed':
        return this.listed(step);
      case 'request':
        return started ? this.request(step) : { crash: true };
      default:
        throw new Error(`unknown step ${step.do}`);
    }
  }

  async listed({ dataset, times }) {
    const goal = (this.host.lists[dataset] || 0) + times;
    const { never } = await poll(() => this.host.lists[dataset] || 0, (count) => count >= goal);
    if (never) {
      throw new Error(`backend of ${dataset} was not listed ${times} times`);
    }
    return undefined;
  }

  async list({ dataset, until }) {
    const { answer, never } = await poll(
      () => this.backend.list(dataset),
      (records) => !until || fits(until, records, (token) => this.masks.resolve(token)),
    );
    return { ...(never ? { never } : {}), body: this.masks.uids(answer) };
  }

  text(step) {
    if (step.overLimit) {
      return JSON.stringify({ fn: 'sync', meta_data: 'x'.repeat(this.host.bodyLimit) });
    }
    if (step.raw !== undefined) {
      return step.raw;
    }
    return step.body === undefined ? undefined : this.masks.fill(JSON.stringify(step.body));
  }

  async request(step) {
    const text = this.text(step);
    const headers = { ...(text === undefined ? {} : { 'content-type': 'application/json' }), ...step.headers };
    const resolve = (token) => this.masks.resolve(token);
    const { answer, never } = await poll(
      () => this.host.request({ method: step.method, path: step.path, headers, text }),
      (got) => !got || !step.until || (got.status === 200 && fits(step.until, parse(got.text), resolve)),
    );
    if (!answer) {
      return { crash: true };
    }
    const body = parse(text || '') || {};
    const view = `${step.path.split('/').pop()}_${generateHash(body.query_params || {})}`;
    const response = { status: answer.status };
    if (never) {
      response.never = true;
    }
    for (const name of step.keepHeaders || []) {
      response.headers = { ...response.headers, [name]: answer.headers[name] };
    }
    if (answer.text !== '') {
      response.body = this.masks.answer(body.fn, view, parse(answer.text), step);
    }
    return response;
  }
}

module.exports = { Player };
