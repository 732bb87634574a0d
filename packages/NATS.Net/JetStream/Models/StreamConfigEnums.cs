using System.Text.Json.Serialization;

namespace NATS.Client.JetStream.Models;

public enum StreamConfigRetention
{
    Limits = 0,
    Interest = 1,

    [JsonStringEnumMemberName("workqueue")]
    Workqueue = 2,
}

public enum StreamConfigStorage
{
    File = 0,
    Memory = 1,
}

public enum StreamConfigDiscard
{
    Old = 0,
    New = 1,
}

public enum StreamConfigCompression
{
    None = 0,
    S2 = 1,
}
