namespace NATS.Client.Core;

public class NatsException : Exception
{
    public NatsException(string message)
        : base(message)
    {
    }

    public NatsException(string message, Exception exception)
        : base(message, exception)
    {
    }
}

/// <summary>Somebody listens on the subject, but no reply came in time.</summary>
public sealed class NatsNoReplyException : NatsException
{
    public NatsNoReplyException()
        : base("No reply received")
    {
    }
}

/// <summary>Nobody listens on the subject; the server says so at once.</summary>
public sealed class NatsNoRespondersException : NatsException
{
    public NatsNoRespondersException()
        : base("No responders")
    {
    }
}

/// <summary>An <c>-ERR</c> of the server.</summary>
public sealed class NatsServerException : NatsException
{
    public NatsServerException(string error)
        : base($"Server error: {error}")
    {
        Error = error.ToLowerInvariant();
        IsAuthError = Error.Contains("authorization violation", StringComparison.Ordinal)
            || Error.Contains("user authentication expired", StringComparison.Ordinal)
            || Error.Contains("user authentication revoked", StringComparison.Ordinal)
            || Error.Contains("account authentication expired", StringComparison.Ordinal);
    }

    public string Error { get; }

    public bool IsAuthError { get; }
}

/// <summary>Headers and payload are larger than the server takes; nothing was written.</summary>
public sealed class NatsPayloadTooLargeException : NatsException
{
    public NatsPayloadTooLargeException(string error)
        : base(error)
    {
    }
}

/// <summary>The connection was given up for good.</summary>
public sealed class NatsConnectionFailedException(string message) : NatsException(message);

/// <summary>The payload could not be turned into the wanted type.</summary>
public sealed class NatsDeserializeException : NatsException
{
    public NatsDeserializeException(byte[] rawData, Exception inner)
        : base("Exception during deserialization", inner) =>
        RawData = rawData;

    public byte[] RawData { get; }
}
