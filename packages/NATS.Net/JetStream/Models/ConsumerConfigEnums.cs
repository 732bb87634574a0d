namespace NATS.Client.JetStream.Models;

public enum ConsumerConfigAckPolicy
{
    Explicit = 0,
    All = 1,
    None = 2,
}

public enum ConsumerConfigDeliverPolicy
{
    All = 0,
    Last = 1,
    New = 2,
    ByStartSequence = 3,
    ByStartTime = 4,
    LastPerSubject = 5,
}

public enum ConsumerConfigReplayPolicy
{
    Instant = 0,
    Original = 1,
}
