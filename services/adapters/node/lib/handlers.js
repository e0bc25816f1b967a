'use strict';
// Which function serves which operation of which dataset: the dataset's own, else the
// global one. Names are those of the reference server.

// From the name in the API to the name of the global one.
const names = {
  handleList: 'globalHandleList',
  handleCreate: 'globalHandleCreate',
  handleRead: 'globalHandleRead',
  handleUpdate: 'globalHandleUpdate',
  handleDelete: 'globalHandleDelete',
  handleCollision: 'globalHandleCollision',
  listCollisions: 'globalListCollisions',
  removeCollision: 'globalRemoveCollision',
  interceptRequest: 'globalInterceptRequest',
  interceptResponse: 'globalInterceptResponse',
};

class Handlers {
  constructor() {
    this.own = new Map(); // dataset -> name -> function
    this.global = new Map();
    this.onSet = () => {};
  }

  // api makes the functions that set handlers.
  api() {
    const api = {};
    for (const [name, global] of Object.entries(names)) {
      api[name] = (dataset, fn) => this.set(name, dataset, fn);
      api[global] = (fn) => this.setGlobal(name, fn);
    }
    return api;
  }

  set(name, dataset, fn) {
    if (typeof dataset !== 'string' || dataset === '') throw new TypeError(`${name}: the first argument is the dataset's id`);
    mustBeFunction(`${name} for dataset ${dataset}`, fn);
    if (!this.own.has(dataset)) this.own.set(dataset, new Map());
    this.own.get(dataset).set(name, fn);
    this.onSet();
  }

  setGlobal(name, fn) {
    mustBeFunction(names[name], fn);
    this.global.set(name, fn);
    this.onSet();
  }

  // find returns the function, undefined when there is none.
  find(dataset, name) {
    return this.own.get(dataset)?.get(name) ?? this.global.get(name);
  }

  // missing lists what datasets that have handlers of their own lack: ["d: handleRead"].
  missing() {
    const needed = ['handleList', 'handleCreate', 'handleRead', 'handleUpdate', 'handleDelete', 'handleCollision'];
    return [...this.own].flatMap(([dataset, set]) => {
      const lacks = needed.filter((name) => !set.has(name) && !this.global.has(name));
      return lacks.length > 0 && needed.some((name) => set.has(name)) ? [`${dataset}: ${lacks.join(', ')}`] : [];
    });
  }

  // some tells whether any of these was set for anything.
  some(...wanted) {
    return [this.global, ...this.own.values()].some((set) => wanted.some((name) => set.has(name)));
  }
}

function mustBeFunction(what, fn) {
  if (typeof fn !== 'function') throw new TypeError(`sync handler (${what}) must be a function`);
}

module.exports = { Handlers };
