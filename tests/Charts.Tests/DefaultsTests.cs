using System.Text.Json.Nodes;

namespace Connectors.Charts.Tests;

/// <summary>Argo CD takes for a change, for ever, what a cluster fills in of a kind that is not Kubernetes' own: the charts say it themselves.</summary>
public class DefaultsTests
{
    // The defaults in the definition of gateway.networking.k8s.io/v1, of all that the chart renders. What it renders of KEDA's and the Prometheus operator's kinds has none.
    private const string Route = """
        {
          "properties": {
            "spec": {
              "properties": {
                "parentRefs": { "items": { "properties": { "group": { "default": "gateway.networking.k8s.io" }, "kind": { "default": "Gateway" } } } },
                "rules": {
                  "default": [{ "matches": [{ "path": { "type": "PathPrefix", "value": "/" } }] }],
                  "items": {
                    "properties": {
                      "matches": {
                        "default": [{ "path": { "type": "PathPrefix", "value": "/" } }],
                        "items": {
                          "properties": {
                            "path": {
                              "default": { "type": "PathPrefix", "value": "/" },
                              "properties": { "type": { "default": "PathPrefix" }, "value": { "default": "/" } }
                            }
                          }
                        }
                      },
                      "backendRefs": { "items": { "properties": { "group": { "default": "" }, "kind": { "default": "Service" }, "weight": { "default": 1 } } } }
                    }
                  }
                }
              }
            }
          }
        }
        """;

    [Theory]
    [InlineData("httpRoute.parentRefs[0].name=public")]
    [InlineData("httpRoute.parentRefs[0].name=public,httpRoute.parentRefs[0].namespace=edge,httpRoute.parentRefs[0].sectionName=https,httpRoute.hostnames[0]=gateway.example.com")]
    [InlineData("httpRoute.parentRefs[0].name=public,httpRoute.parentRefs[1].name=inner,httpRoute.paths[0]=/function,httpRoute.paths[1]=/async-function")]
    [InlineData("httpRoute.parentRefs[0].name=mesh,httpRoute.parentRefs[0].group=,httpRoute.parentRefs[0].kind=Service,httpRoute.parentRefs[0].port=8080")]
    public async Task A_cluster_has_nothing_to_fill_in(string values)
    {
        var route = (await Helm.TemplateAsync("gateway", "r", "httpRoute.enabled=true", values)).Single(m => m.Kind == "HTTPRoute");
        var filled = ManifestRules.Json(route.Root)!;
        Fill(filled, JsonNode.Parse(Route)!);

        await ManifestRules.CheckAsync([route]);
        Assert.Equal(ManifestRules.Json(route.Root)!.ToJsonString(), filled.ToJsonString());
    }

    [Fact]
    public async Task What_the_values_say_of_a_parent_stays_though_it_is_empty()
    {
        var route = (await Helm.TemplateAsync("gateway", "r", "httpRoute.enabled=true", "httpRoute.parentRefs[0].name=mesh", "httpRoute.parentRefs[0].group=", "httpRoute.parentRefs[0].kind=Service"))
            .Single(m => m.Kind == "HTTPRoute");

        Assert.Equal(("mesh", "", "Service"), (route["spec.parentRefs.0.name"], route["spec.parentRefs.0.group"], route["spec.parentRefs.0.kind"]));
    }

    private static void Fill(JsonNode? value, JsonNode schema)
    {
        if (value is JsonArray list && schema["items"] is { } items)
        {
            foreach (var item in list)
            {
                Fill(item, items);
            }
        }

        if (value is JsonObject fields && schema["properties"] is JsonObject properties)
        {
            foreach (var (name, property) in properties)
            {
                if (!fields.ContainsKey(name) && property!["default"] is { } filled)
                {
                    fields[name] = filled.DeepClone();
                }

                Fill(fields[name], property!);
            }
        }
    }
}
