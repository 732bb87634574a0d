{{- define "connectors.gateway.kedaTriggers" -}}
{{- $query := printf "sum(gateway_function_invocation_inflight{%s})" (include "connectors.alertSelector" .) -}}
{{- include "connectors.prometheusTrigger" (dict "root" . "query" $query) -}}
{{- end -}}

{{/*
The openfaas chart keeps the gateway's settings under "gateway"; what is set there wins over the names at the top. Replicas, image, resources and
spreading are read by the shared templates, so they are put where those look, before anything is rendered; so is the mark of the functions, which the pod
reads at its start: changed ones exchange it.
*/}}
{{- define "connectors.gateway.prepare" -}}
{{- $_ := set .Values "gateway" (default dict .Values.gateway) -}}
{{- range $name := list "replicas" "image" "resources" "topologySpreadConstraints" -}}
{{- $given := index $.Values.gateway $name -}}
{{- if kindIs "map" $given -}}
{{- $_ := set $.Values $name (mergeOverwrite (ternary (deepCopy (index $.Values $name)) dict (kindIs "map" (index $.Values $name))) $given) -}}
{{- else if hasKey $.Values.gateway $name -}}
{{- $_ := set $.Values $name $given -}}
{{- end -}}
{{- end -}}
{{- if not .Values.functionsProviderUrl -}}
{{- if or (gt (int .Values.replicas) 1) .Values.autoscaling.enabled .Values.keda.enabled -}}
{{- fail "replicas: the embedded provider keeps its functions in one pod; set functionsProviderUrl for more than one gateway" -}}
{{- end -}}
{{- if not .Values.basic_auth -}}
{{- fail "basic_auth: the embedded provider starts processes itself, which is never open to everyone; set functionsProviderUrl for a gateway without" -}}
{{- end -}}
{{- $checksum := dict "checksum/functions" (include "connectors.gateway.functionsYaml" . | sha256sum) -}}
{{- $_ := set .Values "podAnnotations" (merge (dict) (default dict .Values.podAnnotations) $checksum) -}}
{{- end -}}
{{- if (.Values.nats.authorization | default dict).enabled -}}
{{- fail "nats.authorization: put the token into a secret under the key nats-token, and set nats.auth.secret to its name and nats.auth.method to token" -}}
{{- end -}}
{{- end -}}

{{/* Two pods cannot hold one ReadWriteOnce volume, and functions run in one pod at a time. */}}
{{- define "connectors.gateway.strategy" -}}
{{- if .Values.functionsProviderUrl -}}
{{- toYaml .Values.strategy -}}
{{- else -}}
type: Recreate
{{- end -}}
{{- end -}}

{{- define "connectors.gateway.functionsYaml" -}}
version: "1.0"
provider:
  name: openfaas
functions:
  {{- /* The openfaas chart keeps settings of its provider under the same name. */}}
  {{- toYaml (omit (default dict .Values.functions) "imagePullPolicy" "httpProbe" "setNonRootUser" "readinessProbe" "livenessProbe") | nindent 2 }}
{{- end -}}

{{/* Where what is deployed to the embedded provider is kept. */}}
{{- define "connectors.gateway.claim" -}}
{{- default (include "connectors.fullname" .) .Values.persistence.existingClaim -}}
{{- end -}}

{{/* "gateway", so that gateway.openfaas leads here; a second release in a namespace wants a name of its own. */}}
{{- define "connectors.gateway.serviceName" -}}
{{- default (include "connectors.dnsLabel" (dict "name" (include "connectors.fullname" .) "suffix" "")) .Values.service.name -}}
{{- end -}}

{{- define "connectors.gateway.serviceType" -}}
{{- if and .Values.serviceType (ne (toString .Values.exposeServices) "false") -}}
{{ .Values.serviceType }}
{{- else -}}
{{ .Values.service.type }}
{{- end -}}
{{- end -}}

{{- define "connectors.gateway.natsName" -}}
{{- default (include "connectors.dnsLabel" (dict "name" (include "connectors.fullname" .) "suffix" "-nats")) .Values.nats.development.name -}}
{{- end -}}

{{/* A whole name; global.imageRegistry goes before one without a registry of its own. */}}
{{- define "connectors.gateway.natsImage" -}}
{{- $registry := (.Values.global | default dict).imageRegistry -}}
{{- $image := .Values.nats.development.image -}}
{{- ternary (printf "%s/%s" $registry $image) $image (and (not (empty $registry)) (not (regexMatch "^[^/]*[.:][^/]*/" $image))) -}}
{{- end -}}

{{- define "connectors.gateway.natsHost" -}}
{{- if .Values.nats.development.enabled -}}
{{ include "connectors.gateway.natsName" . }}
{{- else if .Values.nats.external.enabled -}}
{{ required "nats.external.host is needed with nats.external.enabled" .Values.nats.external.host }}
{{- else -}}
{{ .Values.nats.host }}
{{- end -}}
{{- end -}}

{{/* The development server has a port of its own, whatever the others are reached by. */}}
{{- define "connectors.gateway.natsPort" -}}
{{- if .Values.nats.development.enabled -}}
4222
{{- else -}}
{{ include "connectors.text" (default .Values.nats.port (and .Values.nats.external.enabled .Values.nats.external.port)) }}
{{- end -}}
{{- end -}}

{{- define "connectors.gateway.env" -}}
{{- $settings := deepCopy .Values -}}
{{- range $name, $value := .Values.gateway }}{{ $_ := set $settings $name $value }}{{ end -}}
- name: port
  value: {{ include "connectors.text" .Values.port | quote }}
- name: drain_delay
  value: {{ include "connectors.text" .Values.drainDelay | quote }}
{{- if .Values.scaler.enabled }}
- name: scaler_port
  value: {{ include "connectors.text" .Values.scaler.port | quote }}
{{- end }}
{{- if .Values.functionsProviderUrl }}
- name: functions_provider_url
  value: {{ .Values.functionsProviderUrl | quote }}
{{- else }}
- name: functions_path
  value: /etc/connectors/functions.yaml
- name: data_path
  value: /var/lib/connectors
{{- end }}
{{- with .Values.gateway.logsProviderURL }}
- name: logs_provider_url
  value: {{ . | quote }}
{{- end }}
- name: function_namespace
  value: {{ .Values.functionNamespace | quote }}
- name: basic_auth
  value: {{ .Values.basic_auth | quote }}
- name: secret_mount_path
  value: /var/secrets
- name: ui
  value: {{ .Values.ui.enabled | quote }}
- name: ui_session
  value: {{ include "connectors.text" .Values.ui.session | quote }}
- name: read_timeout
  value: {{ include "connectors.text" $settings.readTimeout | quote }}
- name: idle_timeout
  value: {{ include "connectors.text" .Values.idleTimeout | quote }}
- name: write_timeout
  value: {{ include "connectors.text" $settings.writeTimeout | quote }}
- name: upstream_timeout
  value: {{ include "connectors.text" $settings.upstreamTimeout | quote }}
- name: max_upstream_timeout
  value: {{ include "connectors.longest" (list .Values.maxUpstreamTimeout $settings.upstreamTimeout) | quote }}
- name: scale_from_zero
  value: {{ $settings.scaleFromZero | quote }}
- name: max_idle_conns
  value: {{ include "connectors.text" $settings.maxIdleConns | quote }}
- name: max_idle_conns_per_host
  value: {{ include "connectors.text" $settings.maxIdleConnsPerHost | quote }}
- name: max_body_bytes
  value: {{ include "connectors.text" .Values.maxBodyBytes | quote }}
- name: max_delay
  value: {{ include "connectors.text" .Values.maxDelay | quote }}
- name: result_max_age
  value: {{ include "connectors.text" .Values.resultMaxAge | quote }}
- name: history_index_max
  value: {{ include "connectors.text" .Values.history.indexMax | quote }}
{{- if .Values.async }}
- name: faas_nats_address
  value: {{ include "connectors.gateway.natsHost" . | quote }}
- name: faas_nats_port
  value: {{ include "connectors.gateway.natsPort" . | quote }}
- name: faas_nats_channel
  value: {{ .Values.nats.channel | quote }}
{{- include "connectors.natsAccessEnv" . | trim | nindent 0 }}
- name: nats_stream_replicas
  value: {{ include "connectors.text" .Values.nats.streamReplication | quote }}
- name: nats_stream_storage
  value: {{ .Values.nats.storage | quote }}
- name: nats_max_bytes
  value: {{ include "connectors.text" .Values.nats.maxBytes | quote }}
- name: nats_max_msgs
  value: {{ include "connectors.text" .Values.nats.maxMsgs | quote }}
- name: nats_publish_timeout
  value: {{ include "connectors.text" .Values.nats.publishTimeout | quote }}
{{- end }}
{{- with .Values.otlpEndpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ . | quote }}
{{- end }}
{{- end -}}

{{- define "connectors.gateway.secrets" -}}
{{- list (ternary .Values.basicAuthSecret "" .Values.basic_auth) (ternary .Values.ui.viewersSecret "" .Values.ui.enabled) .Values.nats.auth.secret .Values.nats.tls.secret | compact | uniq | toJson -}}
{{- end -}}

{{- define "connectors.gateway.volumeMounts" -}}
{{- if include "connectors.gateway.secrets" . | fromJsonArray }}
- name: secrets
  mountPath: /var/secrets
  readOnly: true
{{- end }}
{{- if not .Values.functionsProviderUrl }}
- name: functions
  mountPath: /etc/connectors
  readOnly: true
- name: data
  mountPath: /var/lib/connectors
{{- end }}
{{- end -}}

{{- define "connectors.gateway.volumes" -}}
{{- with include "connectors.gateway.secrets" . | fromJsonArray }}
- name: secrets
  projected:
    sources:
      {{- range . }}
      - secret:
          name: {{ . | quote }}
      {{- end }}
{{- end }}
{{- if not .Values.functionsProviderUrl }}
- name: functions
  configMap:
    name: {{ printf "%s-functions" (include "connectors.fullname" .) | quote }}
- name: data
  {{- if .Values.persistence.enabled }}
  persistentVolumeClaim:
    claimName: {{ include "connectors.gateway.claim" . | quote }}
  {{- else }}
  emptyDir: {}
  {{- end }}
{{- end }}
{{- end -}}

{{/* Values of the openfaas chart that are accepted although nothing here listens to them: none is dropped without a word. */}}
{{- define "connectors.gateway.withoutEffect" -}}
{{- range $name := list "openfaasPro" "oem" "httpProbe" "clusterRole" "createCRDs" "rbac" "psp" "securityContext" "openfaasImagePullPolicy" "caBundleSecretName" "registryPrefix" "gatewayPro" "basicAuthPlugin" "faasnetes" "faasnetesPro" "faasnetesOem" "stan" "queueWorker" "queueWorkerPro" "jetstreamQueueWorker" "autoscaler" "alertmanager" "prometheus" "eventSubscription" "iam" "kubernetesDNSDomain" "operator" "oidcAuthPlugin" "ingressOperator" "k8sVersion" "k8sVersionOverride" "istio" "queueMode" "license" "eventWorker" -}}
{{- if hasKey $.Values $name }}{{ include "connectors.leaves" (dict "path" $name "value" (index $.Values $name)) }}{{ end -}}
{{- end -}}
{{- range $name := list "directFunctions" "probeFunctions" "readinessProbe" "livenessProbe" -}}
{{- if hasKey (default dict $.Values.gateway) $name }}{{ include "connectors.leaves" (dict "path" (printf "gateway.%s" $name) "value" (index $.Values.gateway $name)) }}{{ end -}}
{{- end -}}
{{- range $name := list "image" "resources" "metrics" -}}
{{- if hasKey $.Values.nats $name }}{{ include "connectors.leaves" (dict "path" (printf "nats.%s" $name) "value" (index $.Values.nats $name)) }}{{ end -}}
{{- end -}}
{{- range $name := list "publicURL" "publicURLGateway" -}}
{{- if hasKey $.Values.dashboard $name }}{{ include "connectors.leaves" (dict "path" (printf "dashboard.%s" $name) "value" (index $.Values.dashboard $name)) }}{{ end -}}
{{- end -}}
{{- if .Values.functions -}}
{{- range $name := list "imagePullPolicy" "httpProbe" "setNonRootUser" "readinessProbe" "livenessProbe" -}}
{{- if hasKey $.Values.functions $name }}{{ include "connectors.leaves" (dict "path" (printf "functions.%s" $name) "value" (index $.Values.functions $name)) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- range $i, $host := .Values.ingress.hosts -}}
{{- if kindIs "map" $host -}}
{{- range $name := list "serviceName" "servicePort" -}}
{{- if hasKey $host $name }}{{ include "connectors.leaves" (dict "path" (printf "ingress.hosts[%d].%s" $i $name) "value" (index $host $name)) }}{{ end -}}
{{- end -}}
{{- range $j, $path := (default dict $host.http).paths -}}
{{- with $path.backend }}{{ include "connectors.leaves" (dict "path" (printf "ingress.hosts[%d].http.paths[%d].backend" $i $j) "value" .) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- with .Values.nats.external.clusterName }}{{ include "connectors.leaves" (dict "path" "nats.external.clusterName" "value" .) }}{{ end -}}
{{- end -}}
