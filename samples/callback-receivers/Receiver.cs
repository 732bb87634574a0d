// Receives signed callbacks. PORT says where to listen; CALLBACK_SECRETS holds one or more whsec_ secrets, with spaces between.
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

const int largestBytes = 32 * 1024 * 1024;
var tolerance = TimeSpan.FromMinutes(5);
var secrets = (Environment.GetEnvironmentVariable("CALLBACK_SECRETS") ?? "")
    .Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)
    .Select(secret => Convert.FromBase64String(secret["whsec_".Length..]))
    .ToList();

var builder = WebApplication.CreateBuilder();
builder.WebHost.ConfigureKestrel(kestrel => kestrel.Limits.MaxRequestBodySize = largestBytes);
builder.WebHost.UseUrls($"http://127.0.0.1:{Environment.GetEnvironmentVariable("PORT") ?? "8000"}");
var app = builder.Build();

app.MapPost("/{**path}", async (HttpRequest request) =>
{
    using var read = new MemoryStream();
    await request.Body.CopyToAsync(read);
    var body = read.ToArray();
    if (!Verifies(request.Headers, body))
    {
        return Results.StatusCode(StatusCodes.Status401Unauthorized);
    }

    // Your work goes here. Answer after it is safe: what is answered with 2xx does not come again.
    Console.WriteLine($"accepted {request.Headers["webhook-id"]} {request.Headers["X-Function-Status"]} {body.Length}");
    return Results.NoContent();
});

await app.StartAsync();
Console.WriteLine($"listening on {app.Urls.Single()}/");
await app.WaitForShutdownAsync();

// Whether the callback is young and carries a signature of one of our secrets.
bool Verifies(IHeaderDictionary headers, byte[] body)
{
    var id = headers["webhook-id"].ToString();
    var timestamp = headers["webhook-timestamp"].ToString();
    if (!long.TryParse(timestamp, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
        || Math.Abs(TimeProvider.System.GetUtcNow().ToUnixTimeSeconds() - seconds) > tolerance.TotalSeconds)
    {
        return false;
    }

    byte[] signed = [.. Encoding.UTF8.GetBytes($"{id}.{timestamp}."), .. body];
    var ours = secrets.Select(secret => Encoding.ASCII.GetBytes("v1," + Convert.ToBase64String(HMACSHA256.HashData(secret, signed)))).ToList();
    var theirs = headers["webhook-signature"].ToString().Split(' ').Select(Encoding.UTF8.GetBytes);
    return theirs.Any(one => ours.Any(other => CryptographicOperations.FixedTimeEquals(one, other)));
}
