using System.Buffers;
using System.Text.Json;
using Connectors.Provider.Contracts;
using Connectors.Provider.Deploying;
using Connectors.Provider.Logs;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;

namespace Connectors.Provider.Api;

/// <summary>A function's log as lines of JSON, sent as they come.</summary>
internal sealed class LogApi(ProviderOptions options, Functions functions, FunctionLogs logs, StreamEnd streamEnd, TimeProvider time)
{
    // As much is gathered while the next line is at hand.
    private const int MaxUnsent = 32 * 1024;

    public async Task ReadAsync(HttpContext http)
    {
        var name = FunctionName.Parse(http.Request.Query["name"].ToString(), RequestNamespace.Of(http, options));
        if (LogQuery.Read(http.Request.Query, out var fault) is not { } query || name.Name.Length == 0)
        {
            await Answer.TextAsync(http, StatusCodes.Status422UnprocessableEntity, fault.Length > 0 ? fault : "name: is required");
            return;
        }

        if (functions.Find(name) is null)
        {
            await Answer.TextAsync(http, StatusCodes.Status404NotFound, $"function {name.Name} not found");
            return;
        }

        http.Response.ContentType = "application/x-ndjson";
        Answer.AsItComes(http);
        await http.Response.StartAsync();
        var end = query.Follow ? streamEnd.Token : CancellationToken.None;
        using var limit = new TimeLimit(options.WriteTimeout, time, http.RequestAborted, end);
        try
        {
            await http.Response.BodyWriter.FlushAsync(limit.Token);
            await SendAsync(http, logs.Of(name).ReadAsync(query, limit.Token), limit.Token);
        }
        catch (OperationCanceledException) when (limit.IsOver || end.IsCancellationRequested)
        {
            // The time is over, or the gateway stops; the lines so far are whole.
        }
    }

    private static async Task SendAsync(HttpContext http, IAsyncEnumerable<LogMessage> lines, CancellationToken ct)
    {
        var body = http.Response.BodyWriter;
        var unsent = 0;
        await using var next = lines.GetAsyncEnumerator(ct);
        var coming = next.MoveNextAsync().AsTask();
        try
        {
            while (true)
            {
                if (unsent > 0 && (unsent >= MaxUnsent || !coming.IsCompleted))
                {
                    await body.FlushAsync(ct);
                    unsent = 0;
                }

                if (!await coming)
                {
                    return;
                }

                var line = JsonSerializer.SerializeToUtf8Bytes(next.Current, ProviderJson.Default.LogMessage);
                body.Write(line);
                body.Write("\n"u8);
                unsent += line.Length + 1;
                coming = next.MoveNextAsync().AsTask();
            }
        }
        finally
        {
            // It ends with the same token, and before that nobody may leave the lines.
            await ((Task)coming).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
