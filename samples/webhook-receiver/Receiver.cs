// Takes webhooks in the manner of GitHub: checks the signature, stores the call, answers. The work is a function's, later, as often as it takes.
using System.Security.Cryptography;
using System.Text;
using Connectors.Client;

const int largestBytes = 900_000;
var secret = Encoding.UTF8.GetBytes(Environment.GetEnvironmentVariable("WEBHOOK_SECRET") ?? throw new InvalidOperationException("WEBHOOK_SECRET is not set."));
var function = Environment.GetEnvironmentVariable("FUNCTION") ?? "events";
using var http = new HttpClient(new SocketsHttpHandler()) { BaseAddress = new Uri(Environment.GetEnvironmentVariable("GATEWAY_URL") ?? "http://127.0.0.1:8080") };
var functions = new FunctionClient(http);

var builder = WebApplication.CreateBuilder();
builder.WebHost.ConfigureKestrel(kestrel => kestrel.Limits.MaxRequestBodySize = largestBytes);
builder.WebHost.UseUrls($"http://127.0.0.1:{Environment.GetEnvironmentVariable("PORT") ?? "8000"}");
var app = builder.Build();

app.MapPost("/", async (HttpRequest request, CancellationToken ct) =>
{
    using var read = new MemoryStream();
    await request.Body.CopyToAsync(read, ct);
    var body = read.ToArray();
    var signature = "sha256=" + Convert.ToHexStringLower(HMACSHA256.HashData(secret, body));
    if (!CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(signature), Encoding.UTF8.GetBytes(request.Headers["X-Hub-Signature-256"].ToString())))
    {
        return Results.StatusCode(StatusCodes.Status401Unauthorized);
    }

    try
    {
        // The sender's own id of this delivery: what it sends again because it missed our answer is stored once.
        var call = await functions.SubmitAsync(function, body, new CallOptions
        {
            ContentType = request.ContentType ?? "application/json",
            IdempotencyKey = request.Headers["X-GitHub-Delivery"] is [{ Length: > 0 } id] ? id : null,
            Patience = TimeSpan.FromSeconds(5),
            Headers = [KeyValuePair.Create("X-GitHub-Event", request.Headers["X-GitHub-Event"].ToString())],
        }, ct);
        return Results.Text(call.CallId + "\n", statusCode: StatusCodes.Status202Accepted);
    }
    catch (CallNotKnownException)
    {
        // Not stored, as far as anybody knows: let the sender try again.
        return Results.StatusCode(StatusCodes.Status503ServiceUnavailable);
    }
});

await app.StartAsync();
Console.WriteLine($"listening on {app.Urls.Single()}/");
await app.WaitForShutdownAsync();
