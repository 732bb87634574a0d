// A function: a POST comes, an answer goes. The gateway starts this process, says in PORT where to listen, and sends the calls.
var builder = WebApplication.CreateSlimBuilder(args);
builder.WebHost.UseUrls($"http://127.0.0.1:{Environment.GetEnvironmentVariable("PORT") ?? "8081"}");
var app = builder.Build();

app.MapPost("/{**path}", async (HttpRequest request) =>
{
    using var reader = new StreamReader(request.Body);
    var name = (await reader.ReadToEndAsync()).Trim();

    // 2xx ends an asynchronous call well. 408, 429 and 5xx are tried again, everything else is final.
    return name.Length == 0
        ? Results.Text("Whom shall I greet?\n", statusCode: StatusCodes.Status400BadRequest)
        : Results.Text($"Hello, {name}\n");
});

app.Run();
