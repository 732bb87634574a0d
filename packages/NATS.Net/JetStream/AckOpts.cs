namespace NATS.Client.JetStream;

public readonly record struct AckOpts
{
    /// <summary>Wait until the server confirms the ack.</summary>
    public bool? DoubleAck { get; init; }
}
