namespace Connectors.Gateway.Security;

/// <summary>What was changed through this gateway, by whom: a line in the log for each, and the last ones in memory for the page.</summary>
internal sealed class Acts(TimeProvider time, ILogger<Acts> log)
{
    private const int Kept = 100;
    private const long None = -1;
    private const string CountKey = "acted on";

    // Acts of one kind in a row are one entry: five hundred letters deleted one by one push nothing out.
    private static readonly TimeSpan Together = TimeSpan.FromMinutes(1);

    // Guards the list.
    private readonly Lock _lock = new();
    private readonly LinkedList<Act> _last = new();

    /// <summary>The newest first.</summary>
    public IReadOnlyList<Act> Last
    {
        get
        {
            lock (_lock)
            {
                return [.. _last];
            }
        }
    }

    /// <summary>Who sent a request that was admitted; empty where nobody has to say.</summary>
    public static string Who(HttpContext http) => http.Features.Get<PageSession>()?.User ?? BasicCredentials.UserOf(http.Request.Headers.Authorization);

    /// <summary>Says how many things a request changed, whatever its answer will be; unless it is said, one if the answer is good, else none.</summary>
    public static void Counted(HttpContext http, long count) => http.Items[CountKey] = count;

    /// <summary>Says that a request is no operator's act.</summary>
    public static void NoAct(HttpContext http) => Counted(http, None);

    /// <summary>Passes on a request that may change something, and tells of it at its end, also when it is broken off.</summary>
    public async Task WatchAsync(HttpContext http, RequestDelegate next)
    {
        try
        {
            await next(http);
        }
        catch (Exception fault)
        {
            Add(http, http.Response.HasStarted ? http.Response.StatusCode : Status(http, fault));
            throw;
        }

        Add(http, http.Response.StatusCode);
    }

    // As it will be answered, if there is anybody left.
    private static int Status(HttpContext http, Exception fault) =>
        http.RequestAborted.IsCancellationRequested ? StatusCodes.Status499ClientClosedRequest
        : fault is BadHttpRequestException malformed ? malformed.StatusCode
        : StatusCodes.Status500InternalServerError;

    private void Add(HttpContext http, int status)
    {
        if (http.Items[CountKey] is None)
        {
            return;
        }

        var count = http.Items.TryGetValue(CountKey, out var told) ? (long)told! : status < StatusCodes.Status400BadRequest ? 1 : 0;
        var act = new Act(time.GetUtcNow().UtcDateTime, Who(http), http.Request.Method, http.Request.Path.Value ?? "", http.Request.QueryString.Value ?? "", status, count);
        Log.Acted(log, act.Who, act.Method, act.Path + act.Query, act.Status, act.Count);
        lock (_lock)
        {
            if (_last.First?.Value is { } before && before.IsLike(act) && act.At - before.At < Together)
            {
                _last.RemoveFirst();
                act = act with { Count = before.Count + act.Count };
            }

            _last.AddFirst(act);
            if (_last.Count > Kept)
            {
                _last.RemoveLast();
            }
        }
    }
}

/// <summary>Something that was changed.</summary>
/// <param name="At">When it was last done.</param>
/// <param name="Who">The user; empty where nobody has to say.</param>
/// <param name="Method">With the path: what was done.</param>
/// <param name="Path">To what.</param>
/// <param name="Query">With its question mark.</param>
/// <param name="Status">The answer; 499 if whoever asked had left before there was one.</param>
/// <param name="Count">How many things it changed.</param>
internal sealed record Act(DateTime At, string Who, string Method, string Path, string Query, int Status, long Count)
{
    // But for the last numbers in the path, which name one of many.
    public bool IsLike(Act other) => (Who, Method, Status, Kind) == (other.Who, other.Method, other.Status, other.Kind);

    private string Kind => string.Join('/', Path.Split('/').Select(part => part.Length > 0 && part.All(char.IsAsciiDigit) ? "#" : part));
}
