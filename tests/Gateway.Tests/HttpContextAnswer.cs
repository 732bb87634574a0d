using System.Text;
using Microsoft.AspNetCore.Http;

namespace Connectors.Gateway.Tests;

/// <summary>How a server under a gateway answers.</summary>
public sealed record HttpContextAnswer(int Status, string Body = "", params (string Name, string Value)[] Headers)
{
    /// <summary>Sends nothing until the caller leaves.</summary>
    public static HttpContextAnswer Never { get; } = new(200) { IsSilent = true };

    public bool IsSilent { get; init; }

    public Func<Task>? Before { get; init; }

    public Func<HttpContext, Task>? After { get; init; }

    public Action? OnAbort { get; init; }

    public async Task WriteAsync(HttpContext http)
    {
        if (OnAbort is { } left)
        {
            http.RequestAborted.Register(left);
        }

        if (IsSilent)
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, http.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return;
        }

        if (Before is not null)
        {
            await Before();
        }

        http.Response.StatusCode = Status;
        foreach (var (name, value) in Headers)
        {
            http.Response.Headers.Append(name, value);
        }

        await http.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(Body));
        await http.Response.Body.FlushAsync();
        if (After is not null)
        {
            await After(http);
        }
    }
}
