
namespace Connectors.Sdk.Invocation;

/// <summary>One HTTP request to a function through a gateway.</summary>
public sealed record FunctionCall
{
    /// <summary>The function.</summary>
    public required FunctionName Function { get; init; }

    /// <summary>Whether to enqueue it (<c>/async-function/</c>) rather than wait for its answer.</summary>
    public bool Asynchronous { get; init; }

    /// <summary>What follows the function's name, as sent, with its leading slash; empty for none.</summary>
    public string Path { get; init; } = "";

    /// <summary>The raw query string without its question mark.</summary>
    public string Query { get; init; } = "";

    /// <summary>Request headers, in order; entity headers among them.</summary>
    public IReadOnlyList<Header> Headers { get; init; } = [];

    /// <summary>The raw body.</summary>
    public ReadOnlyMemory<byte> Body { get; init; }

    /// <summary>How long to wait for the whole answer; it is sent as <c>X-Timeout</c>, unless the call is to be enqueued.</summary>
    public required TimeSpan Timeout { get; init; }

    /// <summary>How many bytes of the answer are kept; a longer one is read to its end and dropped.</summary>
    public long KeepBytes { get; init; }

    /// <summary>Whether the answer's headers are kept.</summary>
    public bool KeepHeaders { get; init; } = true;
}
