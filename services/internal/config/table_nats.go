package config

func natsSettings(n *Nats) []setting {
	return []setting{
		{Key: "natsUrl", Doc: "NATS servers, such as nats://nats-1:4222, tls://nats-2:4222; wakes travel over one that answers. Empty: wakes stay within the process, other processes poll.", value: urlsValue{listValue{&n.URL}}},
		{Key: "natsCredentials", Doc: "`.creds` file to log in with. At most one way to log in is given.", value: textValue{p: &n.Credentials}},
		{Key: "natsNkeySeedFile", Doc: "File with the nkey seed to log in with.", value: textValue{p: &n.NkeySeedFile}},
		{Key: "natsUser", Doc: "User to log in as, with natsPassword.", value: textValue{p: &n.User}},
		{Key: "natsPassword", Doc: "Password of natsUser; best in the environment, from a secret.", value: secretValue{textValue{p: &n.Password}}},
		{Key: "natsToken", Doc: "Token to log in with; best in the environment, from a secret.", value: secretValue{textValue{p: &n.Token}}},
		{Key: "natsCaFile", Doc: "PEM file of who signed the servers' certificates; makes TLS a must. Empty: the machine's.", value: textValue{p: &n.CAFile}},
		{Key: "natsCertFile", Doc: "PEM file of this side's certificate, for servers that ask for one; read again for each connection.", value: textValue{p: &n.CertFile}},
		{Key: "natsKeyFile", Doc: "PEM file of that certificate's key.", value: textValue{p: &n.KeyFile}},
		{Key: "natsSubjectPrefix", Doc: "What the subjects begin with; installations that share a NATS need one each.", value: textValue{p: &n.SubjectPrefix, valid: notEmpty, wanted: "words with dots between, such as tandem.wake"}},
	}
}
