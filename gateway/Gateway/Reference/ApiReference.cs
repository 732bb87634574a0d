using System.Globalization;
using System.Text.Json.Serialization.Metadata;
using Connectors.Gateway.History;
using Connectors.Gateway.Page;
using Connectors.Gateway.Queues;
using Connectors.Sdk.Hosting;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace Connectors.Gateway.Reference;

/// <summary>The API as OpenAPI at <c>/openapi.json</c>: routes as they are mapped, JSON as it is serialised, words from <see cref="Operation.All"/>.</summary>
internal static class ApiReference
{
    private const string Login = "basic";

    public static void AddReference(this WebApplicationBuilder builder)
    {
        builder.Services.ConfigureHttpJsonOptions(json =>
        {
            foreach (var context in new IJsonTypeInfoResolver[] { QueuesJson.Default, HistoryJson.Default, PageJson.Default, ProviderJson.Default })
            {
                json.SerializerOptions.TypeInfoResolverChain.Add(context);
            }
        });
        builder.Services.AddOpenApi(document =>
        {
            document.AddSchemaTransformer(AllowMissing);
            document.AddOperationTransformer(Describe);
            document.AddDocumentTransformer(Complete);
        });
    }

    public static void MapReference(this IEndpointRouteBuilder routes) => routes.MapOpenApi("/openapi.json");

    /// <summary>
    /// Where routes are mapped that the reference tells of. What writes it asks a route's method for parameters and answer, and leaves out a route without one;
    /// ours take the whole request, so each gets one that says nothing, and beside it what the table says.
    /// </summary>
    public static IEndpointRouteBuilder Described(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("");
        ((IEndpointConventionBuilder)group).Add(endpoint =>
        {
            var method = endpoint.Metadata.OfType<IHttpMethodMetadata>().LastOrDefault()?.HttpMethods[0];
            if (method is null || Operation.Of(method, ((RouteEndpointBuilder)endpoint).RoutePattern.RawText!) is not { } operation)
            {
                return;
            }

            endpoint.Metadata.Add(((Func<HttpContext, Task>)SayNothing).Method);
            endpoint.Metadata.Add(operation);
            if (operation.IsStrict)
            {
                endpoint.RequestDelegate = QueryCheck.Before(operation, endpoint.RequestDelegate!); // Each of ours is mapped with one.
            }

            if (operation.Answer is { } answer)
            {
                endpoint.Metadata.Add(new ProducesResponseTypeMetadata(operation.Status, answer, ["application/json"]));
            }

            if (operation.Body is { } body)
            {
                endpoint.Metadata.Add(new AcceptsMetadata(["application/json"], body, isOptional: true));
            }
        });
        return group;

        static Task SayNothing(HttpContext http) => Task.CompletedTask;
    }

    // What may be null may be missing as well.
    private static Task AllowMissing(OpenApiSchema schema, OpenApiSchemaTransformerContext context, CancellationToken ct)
    {
        foreach (var (name, property) in schema.Properties ?? new Dictionary<string, IOpenApiSchema>())
        {
            if (property.Type?.HasFlag(JsonSchemaType.Null) ?? true)
            {
                schema.Required?.Remove(name);
            }
        }

        return Task.CompletedTask;
    }

    private static Task Describe(OpenApiOperation operation, OpenApiOperationTransformerContext context, CancellationToken ct)
    {
        var metadata = context.Description.ActionDescriptor.EndpointMetadata;
        var described = metadata.OfType<Operation>().Last();
        operation.Summary = described.Summary;
        operation.OperationId = $"{context.Description.HttpMethod!.ToLowerInvariant()}{described.Route}";
        operation.Tags = new HashSet<OpenApiTagReference> { new(Tag(described.Route), context.Document) };
        operation.Parameters =
        [
            .. from part in described.Route.Split('/') where part.StartsWith('{') select Parameter(part[1..^1], ParameterLocation.Path, null),
            .. from name in described.Reads select Parameter(name, ParameterLocation.Query, Operation.Query[name]),
        ];
        if (described.Answer is null)
        {
            operation.Responses = Done(described.Status);
        }

        if (described.Route.StartsWith("/system/", StringComparison.Ordinal))
        {
            operation.Security = [new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference(Login, context.Document)] = [] }];
        }

        return Task.CompletedTask;
    }

    private static Task Complete(OpenApiDocument document, OpenApiDocumentTransformerContext context, CancellationToken ct)
    {
        document.Info = new OpenApiInfo
        {
            Title = "Connectors: the gateway",
            Version = CommandLine.Version,
            Description = "Errors are one line of plain text. Functions are called at /function/NAME and, through a queue, at /async-function/NAME.",
        };

        // As seen by whoever reads it.
        document.Servers = [new OpenApiServer { Url = "/" }];
        document.Components ??= new OpenApiComponents();
        document.Components.SecuritySchemes = new Dictionary<string, IOpenApiSecurityScheme> { [Login] = new OpenApiSecurityScheme { Type = SecuritySchemeType.Http, Scheme = Login } };
        Add("/function/{name}", HttpMethod.Get, "Calls a function and waits for its answer", 200);
        Add("/function/{name}", HttpMethod.Post, "Calls a function and waits for its answer; any other verb, and what follows the name, go on as they came", 200);
        Add("/async-function/{name}", HttpMethod.Post, "Stores a call, to be run by a queue-worker", 202);
        return Task.CompletedTask;

        void Add(string path, HttpMethod method, string summary, int status)
        {
            if (!document.Paths.TryGetValue(path, out var item))
            {
                document.Paths[path] = item = new OpenApiPathItem();
            }

            ((OpenApiPathItem)item).AddOperation(method, new OpenApiOperation
            {
                Summary = summary,
                OperationId = $"{method.Method.ToLowerInvariant()}{path}",
                Tags = new HashSet<OpenApiTagReference> { new(Tag(path), document) },
                Parameters = [Parameter("name", ParameterLocation.Path, null)],
                RequestBody = method == HttpMethod.Post ? new OpenApiRequestBody { Content = new Dictionary<string, OpenApiMediaType> { ["*/*"] = new() } } : null,
                Responses = Done(status),
            });
        }
    }

    private static OpenApiParameter Parameter(string name, ParameterLocation place, string? description) => new()
    {
        Name = name,
        In = place,
        Required = place == ParameterLocation.Path,
        Description = description,
        Schema = new OpenApiSchema { Type = JsonSchemaType.String },
    };

    private static OpenApiResponses Done(int status) => new() { [status.ToString(CultureInfo.InvariantCulture)] = new OpenApiResponse { Description = "Done" } };

    private static string Tag(string route) => route.Split('/') switch
    {
        [_, "function" or "async-function", ..] => "functions",
        [_, "system", "queues", ..] => "queues",
        [_, "system", "calls", ..] => "calls",
        [_, "system", "overview" or "connectors", ..] or [_, "ui", ..] => "page",
        _ => "provider",
    };
}
