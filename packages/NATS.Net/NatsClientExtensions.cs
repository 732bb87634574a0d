using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.KeyValueStore;

namespace NATS.Net;

public static class NatsClientExtensions
{
    public static INatsJSContext CreateJetStreamContext(this INatsClient client) => new NatsJSContext(client.Connection);

    public static INatsJSContext CreateJetStreamContext(this INatsClient client, NatsJSOpts opts) => new NatsJSContext(client.Connection, opts);

    public static INatsJSContext CreateJetStreamContext(this INatsConnection connection) => new NatsJSContext(connection);

    public static INatsJSContext CreateJetStreamContext(this INatsConnection connection, NatsJSOpts opts) => new NatsJSContext(connection, opts);

    public static INatsKVContext CreateKeyValueStoreContext(this INatsClient client) => new NatsKVContext(client.CreateJetStreamContext());

    public static INatsKVContext CreateKeyValueStoreContext(this INatsConnection connection) => new NatsKVContext(connection.CreateJetStreamContext());

    public static INatsKVContext CreateKeyValueStoreContext(this INatsJSContext context) => new NatsKVContext(context);
}
