package config

// mongodbEnv are the names under which a reference server's deployment has the
// address of its MongoDB.
func mongodbEnv() []string {
	return []string{"SYNC_MONGODB_URL", "FH_MONGODB_CONN_URL", "MONGO_CONNECTION_URL"}
}

func storeSettings(s *Store) []setting {
	return []setting{
		{Key: "mongodbUrl", Doc: "MongoDB that keeps the sync state; empty: the embedded store, which `tandem all` alone has.", value: mongodbURL(&s.MongodbURL), env: mongodbEnv()},
		{Key: "mongodbDatabase", Doc: "Database in it; empty: that of mongodbUrl, else `tandem`.", value: textValue{p: &s.MongodbDatabase, valid: databaseName, wanted: "the name of a database"}},
		{Key: "mongodbPoolSize", Doc: "Connections that a process has to MongoDB at a time; the work beyond them waits.", value: intValue{p: &s.MongodbPoolSize, min: 1}},
	}
}

func adapterSettings(a *Adapters) []setting {
	return []setting{
		{Key: "defaultAdapter", Doc: "HOST:PORT of the adapter of datasets that name none; empty: one in the process with `tandem all`, and with the other roles none: their changes wait.", value: textValue{p: &a.Default, valid: noAddress, wanted: "HOST:PORT or nothing"}},
		{Key: "adapterTimeout", Doc: "How long a call to an adapter may take; listing has backendListTimeout.", value: durationValue{&a.Timeout, msec, msec}},
		{Key: "adapterConcurrency", Doc: "Calls at the same time to one adapter; the others wait.", value: intValue{p: &a.Concurrency, min: 1}},
		{Key: "adapterCaFile", Doc: "PEM file of who signed the adapters' certificates, or `system` for the machine's; empty: adapters are called in plain text.", value: textValue{p: &a.CAFile}},
		{Key: "adapterCertFile", Doc: "PEM file of this side's certificate, for adapters that ask for one; read again for each connection.", value: textValue{p: &a.CertFile}},
		{Key: "adapterKeyFile", Doc: "PEM file of that certificate's key.", value: textValue{p: &a.KeyFile}},
	}
}

func adapterServerSettings(a *AdapterServer) []setting {
	return []setting{
		{Key: "adapterListen", Doc: "HOST:PORT that `tandem adapter` serves on; port 0 picks a free one.", value: textValue{p: &a.Listen, valid: address, wanted: "HOST:PORT"}},
		{Key: "adapterConfigFile", Doc: "YAML file with the settings of `tandem adapter webhook`, `tandem adapter csv` or `tandem adapter sql`.", value: textValue{p: &a.ConfigFile}},
		{Key: "adapterMongodbUrl", Doc: "MongoDB that `tandem adapter mongo` keeps records in; empty: mongodbUrl.", value: mongodbURL(&a.MongodbURL)},
		{Key: "adapterMongodbDatabase", Doc: "Database in it; empty: mongodbDatabase where adapterMongodbUrl is empty too, else that of the URL, else `tandem`.", value: textValue{p: &a.MongodbDatabase, valid: databaseName, wanted: "the name of a database"}},
		{Key: "adapterListenCertFile", Doc: "PEM file of its certificate, read again for each connection; empty: it serves plain text.", value: textValue{p: &a.CertFile}},
		{Key: "adapterListenKeyFile", Doc: "PEM file of that certificate's key.", value: textValue{p: &a.KeyFile}},
		{Key: "adapterListenCaFile", Doc: "PEM file of who signs its callers' certificates; empty: callers need none.", value: textValue{p: &a.ClientCAFile}},
	}
}
