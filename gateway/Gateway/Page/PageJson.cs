using System.Text.Json.Serialization;
using Connectors.Gateway.Security;

namespace Connectors.Gateway.Page;

[JsonSerializable(typeof(SessionView))]
[JsonSerializable(typeof(LoginRequest))]
[JsonSerializable(typeof(Overview))]
[JsonSerializable(typeof(QueueHistories))]
[JsonSerializable(typeof(IReadOnlyList<Act>))]
[JsonSerializable(typeof(FunctionPage))]
[JsonSerializable(typeof(ReportedConnector))]
[JsonSerializable(typeof(IReadOnlyList<ConnectorView>))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
internal sealed partial class PageJson : JsonSerializerContext;
