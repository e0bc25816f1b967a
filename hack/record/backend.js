'use strict';
// The recorder's own hand in the backend: records are put, replaced, removed and listed behind the server's back.

const { MongoClient, ObjectID } = require('mongodb');

const GENERATED_UID = /^[0-9a-f]{24}$/;

/** A uid that the backend made is an ObjectID there; one that a scenario chose is a text. */
function toId(uid) {
  return GENERATED_UID.test(uid) ? new ObjectID(uid) : uid;
}

class Backend {
  static async open(url) {
    const backend = new Backend();
    backend.db = await MongoClient.connect(url);
    return backend;
  }

  put(dataset, uid, data) {
    return this.db.collection(dataset).insertOne({ _id: toId(uid), ...data });
  }

  replace(dataset, uid, data) {
    return this.db.collection(dataset).replaceOne({ _id: toId(uid) }, data);
  }

  remove(dataset, uid) {
    return this.db.collection(dataset).deleteOne({ _id: toId(uid) });
  }

  /** Returns what the dataset holds: uid to data. */
  async list(dataset) {
    const records = {};
    for (const { _id, ...data } of await this.db.collection(dataset).find().toArray()) {
      records[String(_id)] = data;
    }
    return records;
  }

  close() {
    return this.db.close();
  }
}

module.exports = { Backend };
