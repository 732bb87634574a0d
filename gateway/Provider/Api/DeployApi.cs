using Connectors.Provider.Contracts;
using Connectors.Provider.Deploying;
using Connectors.Provider.State;
using Connectors.Sdk.Invocation;

namespace Connectors.Provider.Api;

/// <summary>Functions: list, create, update, delete, describe, scale.</summary>
internal sealed class DeployApi(ProviderOptions options, Functions functions, SecretStore secrets, NamespaceStore namespaces, Claims claims)
{
    public Task ListAsync(HttpContext http)
    {
        var ns = RequestNamespace.Of(http, options);
        var found = functions.All.Where(f => f.Definition.Name.Namespace == ns).OrderBy(f => f.Definition.Name.Name, StringComparer.Ordinal);
        return Answer.JsonAsync(http, StatusCodes.Status200OK, [.. found.Select(f => f.Status())], ProviderJson.Default.ListFunctionStatus);
    }

    public Task CreateAsync(HttpContext http) => DeployAsync(http, mustExist: false);

    public Task UpdateAsync(HttpContext http) => DeployAsync(http, mustExist: true);

    public async Task DeleteAsync(HttpContext http)
    {
        if (await RequestJson.ReadAsync(http, ProviderJson.Default.DeleteRequest) is not { } given)
        {
            return;
        }

        if (given.FunctionName.Length == 0)
        {
            await Answer.TextAsync(http, StatusCodes.Status400BadRequest, "functionName: is required");
        }
        else if (await functions.DeleteAsync(new FunctionName(given.FunctionName, RequestNamespace.Of(http, options, given.Namespace)), http.RequestAborted))
        {
            http.Response.StatusCode = StatusCodes.Status202Accepted;
        }
        else
        {
            await NotFoundAsync(http, given.FunctionName);
        }
    }

    public Task DescribeAsync(HttpContext http)
    {
        var name = NameOf(http, null);
        return functions.Find(name) is { } found
            ? Answer.JsonAsync(http, StatusCodes.Status200OK, found.Status(), ProviderJson.Default.FunctionStatus)
            : NotFoundAsync(http, name.Name);
    }

    public async Task ScaleAsync(HttpContext http)
    {
        if (!HttpMethods.IsPost(http.Request.Method))
        {
            await Answer.TextAsync(http, StatusCodes.Status405MethodNotAllowed, "Only POST is allowed");
            return;
        }

        if (await RequestJson.ReadAsync(http, ProviderJson.Default.ScaleRequest) is not { } given)
        {
            return;
        }

        var name = NameOf(http, given.Namespace);
        if (given.Replicas > MinReplicas.Max)
        {
            await Answer.TextAsync(http, StatusCodes.Status400BadRequest, $"replicas: at most {MinReplicas.Max}");
            return;
        }

        var (found, refusal) = await functions.ScaleAsync(name, given.Replicas ?? 0, http.RequestAborted);
        if (!found)
        {
            await NotFoundAsync(http, name.Name);
        }
        else if (refusal is not null)
        {
            await Answer.TextAsync(http, StatusCodes.Status400BadRequest, refusal);
        }
        else
        {
            http.Response.StatusCode = StatusCodes.Status202Accepted;
        }
    }

    private async Task DeployAsync(HttpContext http, bool mustExist)
    {
        if (await RequestJson.ReadAsync(http, ProviderJson.Default.FunctionDeployment) is not { } given)
        {
            return;
        }

        var deployment = given with { Namespace = RequestNamespace.Of(http, options, given.Namespace) };
        var (claim, faults) = await ClaimAsync(deployment, http.RequestAborted);
        using var claimed = claim;
        if (claim is null)
        {
            await Answer.TextAsync(http, StatusCodes.Status400BadRequest, string.Join("; ", faults));
        }
        else if (await functions.DeployAsync(deployment, mustExist, handlerFolder: null, http.RequestAborted))
        {
            http.Response.StatusCode = StatusCodes.Status202Accepted;
        }
        else if (mustExist)
        {
            await NotFoundAsync(http, deployment.Service);
        }
        else
        {
            await Answer.TextAsync(http, StatusCodes.Status409Conflict, $"function {deployment.Service} exists already");
        }
    }

    // Null if there are faults. What was found stays so while it is claimed: nobody else gets the port, and the namespace does not go.
    private async Task<(IDisposable? Claim, IReadOnlyList<string> Faults)> ClaimAsync(FunctionDeployment deployment, CancellationToken ct)
    {
        using var turn = await claims.EnterAsync(ct);
        var faults = Faults(deployment);
        return (faults.Count > 0 ? null : claims.Take(DeployRules.PortOf(deployment)), faults);
    }

    private IReadOnlyList<string> Faults(FunctionDeployment deployment) => namespaces.Find(deployment.Namespace!) is null
        ? [$"namespace: there is no namespace {deployment.Namespace}"]
        : [.. DeployRules.Faults(deployment, secrets), .. DeployRules.PortFaults(deployment, options, functions.All.Select(function => function.PortUse).Concat(claims.All))];

    private FunctionName NameOf(HttpContext http, string? inBody) =>
        FunctionName.Parse((string)http.Request.RouteValues["name"]!, RequestNamespace.Of(http, options, inBody));

    private static Task NotFoundAsync(HttpContext http, string function) =>
        Answer.TextAsync(http, StatusCodes.Status404NotFound, $"function {function} not found");
}
