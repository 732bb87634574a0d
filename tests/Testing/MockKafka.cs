using System.Runtime.InteropServices;
using System.Text;

namespace Connectors.Testing;

/// <summary>
/// librdkafka's own cluster of mock brokers, inside this process: the real protocol over TCP on loopback, with headers, consumer groups, idempotent
/// producers and several brokers; no SASL, no TLS, and messages are kept in memory only. Brokers are numbered from 1.
/// </summary>
/// <remarks>
/// Its functions are described in librdkafka's public header <c>rdkafka_mock.h</c>. The library is the one of the package librdkafka.redist, which the
/// test project has to reference.
/// </remarks>
public sealed partial class MockKafka : IDisposable
{
    private const int Producer = 0;
    private readonly nint _client;
    private readonly nint _cluster;

    static MockKafka() => NativeLibrary.SetDllImportResolver(typeof(MockKafka).Assembly, (name, _, _) => name == Library ? Load() : 0);

    private MockKafka(int brokers)
    {
        var error = new byte[512];
        var configuration = NewConfiguration();
        _ = Configure(configuration, "log_level", "3", error, (nuint)error.Length);
        _client = NewClient(Producer, configuration, error, (nuint)error.Length);
        if (_client == 0)
        {
            throw new InvalidOperationException($"librdkafka: {Encoding.UTF8.GetString(error).TrimEnd('\0')}");
        }

        _cluster = NewCluster(_client, brokers);
        if (_cluster == 0)
        {
            DestroyClient(_client);
            throw new InvalidOperationException("librdkafka made no mock cluster.");
        }

        // As quick as the tests' classic groups.
        SetGroupSession(_cluster, 4500);
        SetGroupHeartbeat(_cluster, 200);
    }

    /// <summary>For <c>bootstrap.servers</c>: every broker.</summary>
    public string BootstrapServers => Marshal.PtrToStringUTF8(Bootstraps(_cluster)) ?? "";

    /// <summary>Starts a cluster.</summary>
    public static MockKafka Start(int brokers = 1) => new(brokers);

    /// <summary>Makes a topic; one that is only asked for gets four partitions.</summary>
    public void CreateTopic(string name, int partitions = 1, int replicas = 1) => Check(NewTopic(_cluster, name, partitions, replicas));

    /// <summary>Deletes a topic with all its records. Made again, it is another topic of the same name.</summary>
    public void DeleteTopic(string name) => Check(RemoveTopic(_cluster, name));

    /// <summary>Deletes a partition's records below an offset, as retention does.</summary>
    public void DeleteRecords(string topic, int partition, long before) => Check(RemoveRecords(_cluster, topic, partition, before));

    /// <summary>Moves a partition to another leader; null leaves it without one.</summary>
    public void MoveLeader(string topic, int partition, int? broker) => Check(SetLeader(_cluster, topic, partition, broker ?? -1));

    /// <summary>Moves a group to another coordinator.</summary>
    public void MoveGroup(string group, int broker) => Check(SetCoordinator(_cluster, "group", group, broker));

    /// <summary>Cuts all connections to a broker and refuses new ones.</summary>
    public void StopBroker(int broker) => Check(SetDown(_cluster, broker));

    /// <summary>Lets a broker accept connections again.</summary>
    public void StartBroker(int broker) => Check(SetUp(_cluster, broker));

    /// <summary>Delays every answer of a broker.</summary>
    public void Delay(int broker, TimeSpan by) => Check(SetRoundTrip(_cluster, broker, (int)by.TotalMilliseconds));

    /// <summary>Answers the next requests of a kind with these errors, one each.</summary>
    /// <param name="api">The protocol's number of the request: 0 produce, 1 fetch, 8 commit, 9 offsets, 11 join, 12 heartbeat, 14 sync.</param>
    /// <param name="errors">Error codes of the protocol, 27 for a rebalance, or librdkafka's own negative ones: -195 cuts the connection.</param>
    public void Fail(short api, params int[] errors) => PushErrors(_cluster, api, (nuint)errors.Length, errors);

    /// <inheritdoc/>
    public void Dispose()
    {
        DestroyCluster(_cluster);
        DestroyClient(_client);
    }

    private static void Check(int error)
    {
        if (error != 0)
        {
            throw new InvalidOperationException($"librdkafka: {Marshal.PtrToStringUTF8(ErrorText(error))}");
        }
    }

    private const string Library = "librdkafka-mock";

    // As Confluent.Kafka chooses: the usual build wants libsasl2.so.3, and the one without Kerberos is taken where that is missing.
    private static nint Load()
    {
        var folder = Path.Combine(AppContext.BaseDirectory, "runtimes", $"linux-{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}", "native");
        return NativeLibrary.TryLoad(Path.Combine(folder, "librdkafka.so"), out var usual)
            ? usual
            : NativeLibrary.Load(Path.Combine(folder, "centos8-librdkafka.so"));
    }

    [LibraryImport(Library, EntryPoint = "rd_kafka_conf_new")]
    private static partial nint NewConfiguration();

    [LibraryImport(Library, EntryPoint = "rd_kafka_conf_set", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Configure(nint configuration, string name, string value, byte[] error, nuint errorLength);

    [LibraryImport(Library, EntryPoint = "rd_kafka_new")]
    private static partial nint NewClient(int kind, nint configuration, byte[] error, nuint errorLength);

    [LibraryImport(Library, EntryPoint = "rd_kafka_destroy")]
    private static partial void DestroyClient(nint client);

    [LibraryImport(Library, EntryPoint = "rd_kafka_err2str")]
    private static partial nint ErrorText(int error);

    [LibraryImport(Library, EntryPoint = "rd_kafka_mock_cluster_new")]
    private static partial nint NewCluster(nint client, int brokers);

    [LibraryImport(Library, EntryPoint = "rd_kafka_mock_cluster_destroy")]
    private static partial void DestroyCluster(nint cluster);

    [LibraryImport(Library, EntryPoint = "rd_kafka_mock_cluster_bootstraps")]
    private static partial nint Bootstraps(nint cluster);

    [LibraryImport(Library, EntryPoint = "rd_kafka_mock_topic_create", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int NewTopic(nint cluster, string topic, int partitions, int replicas);

    [LibraryImport(Library, EntryPoint = "rd_kafka_mock_set_group_consumer_session_timeout_ms")]
    private static partial void SetGroupSession(nint cluster, int milliseconds);

    [LibraryImport(Library, EntryPoint = "rd_kafka_mock_set_group_consumer_heartbeat_interval_ms")]
    private static partial void SetGroupHeartbeat(nint cluster, int milliseconds);

    [LibraryImport(Library, EntryPoint = "rd_kafka_mock_topic_delete", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int RemoveTopic(nint cluster, string topic);

    [LibraryImport(Library, EntryPoint = "rd_kafka_mock_partition_delete_records", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int RemoveRecords(nint cluster, string topic, int partition, long before);

    [LibraryImport(Library, EntryPoint = "rd_kafka_mock_partition_set_leader", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetLeader(nint cluster, string topic, int partition, int broker);

    [LibraryImport(Library, EntryPoint = "rd_kafka_mock_coordinator_set", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetCoordinator(nint cluster, string kind, string key, int broker);

    [LibraryImport(Library, EntryPoint = "rd_kafka_mock_broker_set_down")]
    private static partial int SetDown(nint cluster, int broker);

    [LibraryImport(Library, EntryPoint = "rd_kafka_mock_broker_set_up")]
    private static partial int SetUp(nint cluster, int broker);

    [LibraryImport(Library, EntryPoint = "rd_kafka_mock_broker_set_rtt")]
    private static partial int SetRoundTrip(nint cluster, int broker, int milliseconds);

    [LibraryImport(Library, EntryPoint = "rd_kafka_mock_push_request_errors_array")]
    private static partial void PushErrors(nint cluster, short api, nuint count, int[] errors);
}
