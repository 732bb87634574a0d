namespace Connectors.Streams.Records;

/// <summary>Header names of calls and their callbacks that gateway and queue-worker agree on, beside those that every connector knows.</summary>
public static class CallHeaders
{
    /// <summary>Where the outcome of an async call is posted.</summary>
    public const string CallbackUrl = "X-Callback-Url";

    /// <summary>How many callbacks lie between the first caller and this request.</summary>
    public const string CallbackHops = "X-Callback-Hops";

    /// <summary>The gateway's id of one accept.</summary>
    public const string DeliveryId = "X-Delivery-Id";

    /// <summary>Ordinal of the send of an async call, from 1.</summary>
    public const string Attempt = "X-Attempt";

    /// <summary>When the gateway took the request, in Unix nanoseconds; one value for each hop.</summary>
    public const string StartTime = "X-Start-Time";

    /// <summary>Which gateway answered.</summary>
    public const string ServedBy = "X-Served-By";

    /// <summary>How long the call may take at most, as a Go duration, where its caller asked for longer.</summary>
    public const string GrantedTimeout = "X-Granted-Timeout";

    /// <summary>Says that an accept repeated an earlier one.</summary>
    public const string Duplicate = "X-Duplicate";

    /// <summary><c>async</c> makes a call of <c>/function/</c> an async one.</summary>
    public const string InvokeMode = "X-Invoke-Mode";

    /// <summary><c>high</c> or <c>normal</c>.</summary>
    public const string Priority = "X-Priority";

    /// <summary>Asks not to run the call before so long has passed.</summary>
    public const string Delay = "X-Delay";

    /// <summary>Asks not to run the call before that time.</summary>
    public const string NotBefore = "X-Not-Before";

    /// <summary>Words by which the call is found in the history, separated by commas.</summary>
    public const string Tags = "X-Call-Tags";

    /// <summary>Beside a stored call's envelope: it is sent although its function's breaker is open, to see whether the function is back.</summary>
    public const string Probe = "Probe";

    /// <summary>Asks to keep the result that long.</summary>
    public const string StoreResult = "X-Store-Result";

    /// <summary>The function's HTTP status.</summary>
    public const string FunctionStatus = "X-Function-Status";

    /// <summary>The function's name: in a callback as its caller wrote it, with a stored result as <c>name.namespace</c>.</summary>
    public const string FunctionName = "X-Function-Name";

    /// <summary>How often the call was retried; 0 if never.</summary>
    public const string Retry = "X-Retry";

    /// <summary>How often it could be retried.</summary>
    public const string RetryMax = "X-Retry-Max";

    /// <summary>How often the call was put back from the dead letters.</summary>
    public const string Redrive = "X-Redrive";

    /// <summary>Standard Webhooks: the callback's id, the same for each of its POSTs.</summary>
    public const string WebhookId = "webhook-id";

    /// <summary>Why a result is told without its body: <c>size</c>.</summary>
    public const string ResultDropped = "X-Result-Dropped";

    /// <summary>How a call ended where no status of the function can say so: <c>cancelled</c>, <c>expired</c> or <c>worker_lost</c>.</summary>
    public const string CallState = "X-Call-State";
}
