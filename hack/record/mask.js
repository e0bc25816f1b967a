'use strict';
// Replaces what changes from run to run by tokens that keep equality: the same value is the same token.

const GENERATED_UID = /^[0-9a-f]{24}$/;

class Masks {
  constructor() {
    this.tokens = new Map(); // value -> token, keyed with the token's kind
    this.values = new Map(); // token -> value
    this.counts = {};
  }

  /** Returns the token of a value, a new one the first time. */
  token(kind, value) {
    const key = `${kind} ${value}`;
    if (!this.tokens.has(key)) {
      this.counts[kind] = (this.counts[kind] || 0) + 1;
      const token = `<${kind}${this.counts[kind]}>`;
      this.tokens.set(key, token);
      this.values.set(token, value);
    }
    return this.tokens.get(key);
  }

  /** Returns what a token stands for, or any other text as it is. */
  resolve(text) {
    return this.values.has(text) ? this.values.get(text) : text;
  }

  /** Replaces tokens inside a request's text. */
  fill(text) {
    for (const [token, value] of this.values) {
      text = text.split(token).join(value);
    }
    return text;
  }

  /** Masks backend-made uids wherever they stand, as a key or as a value. */
  uids(value) {
    if (typeof value === 'string') {
      return GENERATED_UID.test(value) ? this.token('uid:', value) : value;
    }
    if (Array.isArray(value)) {
      return value.map((item) => this.uids(item));
    }
    if (typeof value !== 'object' || value === null) {
      return value;
    }
    // In key order, so that numbering does not follow the order in which the server happened to answer.
    const masked = {};
    for (const key of Object.keys(value).sort()) {
      masked[this.uids(key)] = this.uids(value[key]);
    }
    return masked;
  }

  /** Masks the answer of `fn` to a step; `view` names the dataset client whose global hash it may carry. */
  answer(fn, view, body, step) {
    if (typeof body !== 'object' || body === null) {
      return body;
    }
    if (fn === 'listCollisions') {
      const list = {};
      for (const id of Object.keys(body).sort()) {
        list[this.token('collision:', id)] = this.uids(body[id]);
      }
      return list;
    }
    if (fn === 'sync' || fn === 'syncRecords') {
      body = this.syncAnswer(view, body, step);
    }
    return this.uids(body);
  }

  syncAnswer(view, body, { messages, anyHash, anyUpdates }) {
    const masked = { ...body };
    if (anyHash && Object.keys(body).length > 0) {
      masked.hash = '<maybe>';
    } else if (typeof masked.hash === 'string') {
      masked.hash = this.token(`globalHash:${this.view(view)}`, masked.hash);
    }
    // `_id` is the key under which the reference server stores these, and means nothing to a device.
    for (const part of ['create', 'update']) {
      masked[part] = mapValues(masked[part], ({ _id, ...record }) => record);
    }
    masked.updates = mapValues(masked.updates, (updates) => mapValues(updates, ({ _id, ...update }) => {
      update.timestamp = '<time>';
      update.msg = maskMessage(update.msg, messages);
      return update;
    }));
    if (anyUpdates) {
      masked.updates = '<any>';
    }
    return JSON.parse(JSON.stringify(masked));
  }

  /** Views get letters, so that two views with the same content keep tokens of their own. */
  view(view) {
    this.views = this.views || [];
    if (!this.views.includes(view)) {
      this.views.push(view);
    }
    return String.fromCharCode(65 + this.views.indexOf(view));
  }
}

function mapValues(object, change) {
  if (!object) {
    return undefined;
  }
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value)]));
}

/** A failed update's message: only the phrases that the scenario names count; a stack trace never does. */
function maskMessage(msg, messages) {
  if (typeof msg !== 'string') {
    return msg;
  }
  const phrase = (messages || []).find((text) => msg.includes(text));
  return phrase ? `<contains:${phrase}>` : msg.split('\n')[0];
}

module.exports = { Masks };
