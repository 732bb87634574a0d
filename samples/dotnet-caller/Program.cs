// Runs a batch through a function and waits for all of it: dotnet run -- FUNCTION TEXT…
using Connectors.Client;

if (args is not [var function, .. { Length: > 0 } texts])
{
    Console.Error.WriteLine("usage: DotnetCaller FUNCTION TEXT...");
    return 2;
}

using var http = new HttpClient(new SocketsHttpHandler()) { BaseAddress = new Uri(Environment.GetEnvironmentVariable("GATEWAY_URL") ?? "http://127.0.0.1:8080") };
var functions = new FunctionClient(http);
var batch = Environment.GetEnvironmentVariable("BATCH") ?? Guid.NewGuid().ToString();
try
{
    // Stored at once; how many run at a time is the queue-worker's business.
    var calls = await Task.WhenAll(texts.Select((text, i) => functions.SubmitAsync(function, text, new CallOptions
    {
        ContentType = "text/plain; charset=utf-8",
        CallId = $"{batch}-{i}",
        IdempotencyKey = $"{batch}-{i}",
        KeepResult = TimeSpan.FromHours(1),
        Tags = [batch],
    })));
    var results = await Task.WhenAll(calls.Select(call => functions.ResultAsync(call.CallId)));
    foreach (var (text, result) in texts.Zip(results))
    {
        Console.WriteLine($"{text}: {(result.IsSuccess ? result.Text.TrimEnd() : $"{result.State}, {result.Status}")}");
    }

    return results.All(result => result.IsSuccess) ? 0 : 1;
}
catch (CallException fault)
{
    Console.Error.WriteLine(fault.Message);
    return 1;
}
