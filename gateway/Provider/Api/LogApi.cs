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
    private static readonly byte[] NewLine = "\n"u8.ToArray();

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
            await http.Response.Body.FlushAsync(limit.Token);
            await foreach (var message in logs.Of(name).ReadAsync(query, limit.Token))
            {
                await JsonSerializer.SerializeAsync(http.Response.Body, message, ProviderJson.Default.LogMessage, limit.Token);
                await http.Response.Body.WriteAsync(NewLine, limit.Token);
                await http.Response.Body.FlushAsync(limit.Token);
            }
        }
        catch (OperationCanceledException) when (limit.IsOver || end.IsCancellationRequested)
        {
            // The time is over, or the gateway stops; the lines so far are whole.
        }
    }
}
