using NATS.Client.JetStream.Models;

namespace NATS.Client.KeyValueStore;

public record NatsKVStatus(string Bucket, bool IsCompressed, TimeSpan LimitMarkerTTL, StreamInfo Info);
